// Sends the form by script, so that people see how much is sent and where a mistake is.

const form = document.getElementById("upload");
const input = form.querySelector("input[type=file]");
const drop = form.querySelector(".drop");
const sending = document.getElementById("sending");
const words = document.getElementById("sending-words");
const bar = sending.querySelector("progress");
const button = form.querySelector("button");

for (const kind of ["dragenter", "dragover"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  if (event.dataTransfer.files.length) {
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change"));
  }
});

input.addEventListener("change", () => {
  const file = input.files[0];
  showErrors({});
  const isWhole = Boolean(file) && /\.(zip|edf)$/i.test(file.name);
  document.getElementById("csv-options").disabled = isWhole;
  if (file && file.size > Number(form.dataset.maxBytes)) {
    showErrors({ file: [form.dataset.tooLarge] });
  }
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const file = input.files[0];
  if (file && file.size > Number(form.dataset.maxBytes)) {
    showErrors({ file: [form.dataset.tooLarge] });
    return;
  }
  const request = new XMLHttpRequest();
  request.upload.addEventListener("progress", (progress) => {
    const percent = Math.floor((100 * progress.loaded) / progress.total);
    bar.value = percent;
    words.textContent = `${form.dataset.sending} ${percent} %`;
  });
  request.upload.addEventListener("load", () => {
    bar.removeAttribute("value");
    words.textContent = form.dataset.reading;
  });
  request.addEventListener("load", () => finish(request));
  request.addEventListener("error", () => showErrors({ file: [form.dataset.failed] }));
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  request.send(new FormData(form));
  showErrors({});
  sending.hidden = false;
  button.disabled = true;
});

function finish(request) {
  if (new URL(request.responseURL).pathname !== new URL(form.action).pathname) {
    // The session has ended: the answer is the form to sign in.
    showErrors({ file: [form.dataset.signedOut] });
    return;
  }
  let answer = {};
  try {
    answer = JSON.parse(request.responseText);
  } catch {
    answer = { errors: { file: [form.dataset.failed] } };
  }
  if (answer.url) {
    window.location.assign(answer.url);
  } else {
    // While the database is away the answer has words, and no field.
    showErrors(answer.errors ?? { file: [answer.detail ?? form.dataset.failed] });
  }
}

function showErrors(errors) {
  sending.hidden = true;
  button.disabled = false;
  form.querySelectorAll(".errorlist").forEach((list) => list.remove());
  form.querySelectorAll("[aria-invalid]").forEach((field) => {
    field.removeAttribute("aria-invalid");
  });
  let first = null;
  for (const [name, messages] of Object.entries(errors)) {
    const field = form.elements.namedItem(name) ?? input;
    const notes = document.getElementById(`${field.name}-notes`);
    const list = document.createElement("ul");
    list.className = "errorlist";
    for (const message of messages) {
      list.append(Object.assign(document.createElement("li"), { textContent: message }));
    }
    notes.append(list);
    field.setAttribute("aria-invalid", "true");
    first ??= field;
  }
  first?.focus();
}
