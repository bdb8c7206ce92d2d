// The queue as it is now, unless somebody is at work on it. Without scripts the link "Look again" does it.
setInterval(() => {
  const typed = [...document.querySelectorAll("input[name=code]")].some((one) => one.value || one === document.activeElement);
  if (!typed && !document.querySelector("details[open]")) location.replace(location.pathname);
}, 10000);
