// What the page says where it cannot be used.

/** Says why there is no chat, and offers to try again. */
export function sayThatItFailed(why) {
  const message = document.querySelector('.fatal');
  if (!message) return;
  message.firstElementChild.textContent = why;
  const button = Object.assign(document.createElement('button'), { type: 'button', textContent: 'Try again' });
  button.addEventListener('click', () => location.reload());
  message.append(document.createElement('br'), button);
  addEventListener('online', () => location.reload());
}
