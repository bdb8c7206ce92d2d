// The queue as it is now, unless somebody is typing. Without scripts the link "Look again" does it.
setInterval(() => {
  const typed = [...document.querySelectorAll("input[name=code]")].some((one) => one.value || one === document.activeElement);
  if (!typed) location.replace(location.pathname);
}, 10000);
