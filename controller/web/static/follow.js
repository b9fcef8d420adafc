(function () {
  function look() {
    var ask = new XMLHttpRequest();
    ask.open("GET", location.href);
    ask.responseType = "document";
    ask.timeout = 4000;
    ask.onload = function () {
      var old = document.getElementById("told"), now = ask.response && ask.response.getElementById("told");
      if (!now) return later();
      if (now.innerHTML !== old.innerHTML) old.innerHTML = now.innerHTML;
      if (now.hasAttribute("data-moves")) later();
    };
    ask.onerror = ask.ontimeout = later;
    ask.send();
  }
  function later() { setTimeout(look, 600); }
  later();
})();
