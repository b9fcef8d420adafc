(function () {
  var HEARD_MS = 40000, ENJOY_MS = 4000, ASK_MS = 300;
  var body = document.body, qr = document.getElementById("qr");
  var source, heard, enjoying, last = null;

  function show(status) {
    if (last && last.build !== status.build) return location.reload();
    if (last && last.state === "dispensing" && status.state === "idle") {
      clearTimeout(enjoying);
      enjoying = setTimeout(function () { enjoying = null; paint(last); }, ENJOY_MS);
    }
    if (status.state !== "idle") { clearTimeout(enjoying); enjoying = null; }
    last = status;
    paint(status);
  }

  function paint(status) {
    body.dataset.face = enjoying ? (status.last_went_well ? "enjoy" : "sorry") : status.face;
    body.dataset.reason = status.reason || "";
    var code = String(status.code || "");
    if (body.dataset.code !== code) {
      if (code) qr.src = "qr.svg?code=" + code; else qr.removeAttribute("src");
      body.dataset.code = code;
    }
  }

  function lost() {
    last = null;
    clearTimeout(enjoying);
    enjoying = null;
    body.dataset.face = "lost";
    body.dataset.code = "";
  }

  function listen() {
    source = new EventSource("events");
    source.onmessage = function (message) { alive(); show(JSON.parse(message.data)); };
    source.addEventListener("beat", alive);
    source.onerror = function () {
      lost();
      if (source.readyState === EventSource.CLOSED) again();
    };
    alive();
  }

  function alive() {
    clearTimeout(heard);
    heard = setTimeout(again, HEARD_MS);
  }

  function again() {
    source.close();
    lost();
    clearTimeout(heard);
    setTimeout(listen, 1000);
  }

  // In a frame, beside others: a browser has only six connections for one machine.
  function ask() {
    fetch("events", { headers: { Accept: "application/json" } })
      .then(function (answer) { if (!answer.ok) throw answer; return answer.json(); })
      .then(show)
      .catch(lost)
      .then(function () { setTimeout(ask, ASK_MS); });
  }

  if (window === window.top) listen(); else ask();
})();
