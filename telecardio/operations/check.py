"""``python -m telecardio.operations.check URL``: the health check of a container.

Ends with 0 if the address answers 2xx, else prints what it answered and ends with 1.
"""

import sys
import urllib.error
import urllib.request

TIMEOUT_S = 8


def main(url: str) -> int:
    """Ask ``url``; return the exit status."""
    try:
        urllib.request.urlopen(url, timeout=TIMEOUT_S).close()  # noqa: S310
    except urllib.error.HTTPError as error:
        sys.stdout.write(f"{error.code} {error.read().decode(errors='replace')}\n")
        return 1
    except OSError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
