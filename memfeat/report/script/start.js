apply();
document.documentElement.dataset.ready = "";
