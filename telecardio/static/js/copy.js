// A button with data-copy="id" copies the value of that input.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const input = document.getElementById(button.dataset.copy);
    input.select();
    try {
      await navigator.clipboard.writeText(input.value);
    } catch {
      // On plain HTTP (a clinic's own network) there is no clipboard API.
      document.execCommand("copy");
    }
    button.textContent = button.dataset.done;
  });
}
