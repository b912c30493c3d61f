"""Whether silence is of the heart or of an electrode that lost contact.

An electrode that comes off moves the level by more than any beat; then the amplifier
sinks back and shows next to nothing. A heart that falls silent does not move the
level. So silence right behind such a move is not believed, until something like a
beat is seen again or the level has rested for a while. Nor is silence behind a second
of electrode motion, after which the quality sets ``state.doubt`` too.
"""

from __future__ import annotations

from inference.ecg.compiled import State, compiled
from inference.ecg.measures import Measures

# Against the usual rise of a QRS:
SHIFT = 0.8  # of the level from second to second: an electrode moved
JUMP = 1.5  # of the level within a second
REST = 0.15  # a smaller shift is rest
QUIET = 0.3  # the largest rise where no beat is: or a small one,
LEAST_BEAT = 0.15
CREST = 6.0  # which stands out of the middle rise of its second
REST_S = 10  # of rest, until silence is believed again


@compiled
def follow_contact(state: State, seen: Measures, broken: bool) -> bool:
    """Return whether a second shows what the heart does; moves on ``state.doubt``.

    ``state`` is QUALITY, ``seen`` the second's measures in mV, and ``broken`` says that
    it is flat or clipped. A silent heart behind a moved electrode is believed 10 s
    after the level has come to rest. Our own. No delay beyond the second itself.
    """
    usual = seen.usual_rise
    shows = seen.rise >= QUIET * usual
    if broken or seen.shift > SHIFT * usual or seen.jump > JUMP * usual:
        state.doubt = REST_S
    elif shows or (seen.rise >= LEAST_BEAT * usual and seen.rise >= CREST * seen.mid):
        state.doubt = 0
    if state.doubt == 0 or shows:
        return True
    if seen.shift < REST * usual:
        state.doubt -= 1
    return False
