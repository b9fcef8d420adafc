(function () {
  var go = document.getElementById("go"), wait = document.getElementById("wait");
  var end = Date.now() + Number(wait.getAttribute("data-ms"));
  function tick() {
    var left = end - Date.now();
    go.disabled = left > 0;
    if (left <= 0) return;
    wait.textContent = wait.getAttribute("data-text").replace("{seconds}", Math.ceil(left / 1000));
    setTimeout(tick, Math.min(left, 200));
  }
  tick();
  addEventListener("pageshow", function (event) { if (event.persisted) location.reload(); });
})();
