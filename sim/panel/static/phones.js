// Two phones, each with the real page in a frame.
const first = document.getElementById("phone-1");
const second = document.getElementById("phone-2");
const scan = document.getElementById("scan");
const double = document.getElementById("double");
const forward = document.getElementById("forward");
let code = "";

export function start(link) {
  scan.addEventListener("click", () => code && open(first, code));
  forward.addEventListener("click", () => {
    second.closest(".phone").hidden = false;
    open(second, path(first));
  });
  document.getElementById("put-away").addEventListener("click", () => {
    second.src = "about:blank";
    second.closest(".phone").hidden = true;
    forward.focus();
  });
  document.getElementById("visit").addEventListener("click", () => link.act("visit"));
  document.getElementById("preview").addEventListener("click", () => link.act("preview"));
  double.addEventListener("click", tapTwice);
  first.addEventListener("load", offer);
}

export function meet(hello) {
  document.getElementById("people").hidden = hello.replay !== null;
  for (const phone of [first, second]) {
    phone.src = "about:blank";
    phone.parentElement.classList.remove("used");
  }
}

export function hear(look) {
  code = look.scan;
  scan.disabled = !code;
  scan.title = code ? "" : "The screen shows no code now";
}

function open(phone, address) {
  phone.src = address;
  phone.parentElement.classList.add("used");
}

// The address that the phone has open, as somebody else gets it: without its visitor's mark.
function path(phone) {
  return phone.contentWindow.location.pathname;
}

function form(phone) {
  return phone.contentDocument?.querySelector("form");
}

function offer() {
  const used = first.src !== "about:blank" && path(first).includes("/s/");
  forward.disabled = !used;
  double.disabled = !used || !form(first);
}

async function tapTwice() {
  const asked = form(first);
  if (!asked) return;
  const body = () => new URLSearchParams(new FormData(asked));
  const tap = () => fetch(path(first), { method: "POST", body: body() });
  const [answer] = await Promise.all([tap(), tap()]);
  first.src = answer.url;
}
