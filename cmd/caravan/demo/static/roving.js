// Arrow keys among buttons of which one is in the tab order: a row of them, or rows below each other.

/**
 * Moves the focus within an element when an arrow key, Home or End is pressed. Left and right are those of the page's
 * direction. `leave`: called where there is nothing above.
 */
export function rove(container, { leave } = {}) {
  const all = () => [...container.querySelectorAll('button:not([hidden])')].filter((b) => b.checkVisibility());
  container.addEventListener('focusin', (e) => e.target.matches('button') && makeCurrent(container, e.target));
  container.addEventListener('keydown', (e) => {
    if (!e.target.matches('button') || e.ctrlKey || e.metaKey || e.altKey) return;
    const to = target(all(), e.target, e.key);
    if (!to && e.key === 'ArrowUp' && leave) leave();
    else if (!to) return;
    e.preventDefault();
    to?.focus();
  });
}

/** Makes one button the one in the tab order. */
export function makeCurrent(container, button) {
  for (const b of container.querySelectorAll('button[tabindex="0"]')) b.tabIndex = -1;
  if (button) button.tabIndex = 0;
}

function target(all, from, key) {
  const at = all.indexOf(from);
  const step = { ArrowRight: 1, ArrowLeft: -1 }[key] * (getComputedStyle(from).direction === 'rtl' ? -1 : 1);
  if (step) return all[at + step];
  if (key === 'Home') return all[0];
  if (key === 'End') return all.at(-1);
  if (key === 'ArrowDown' || key === 'ArrowUp') return nextRow(all, from, key === 'ArrowDown');
  return undefined;
}

/** The button in the row below or above that stands nearest. */
function nextRow(all, from, down) {
  const here = from.getBoundingClientRect();
  const others = all.map((b) => [b, b.getBoundingClientRect()]).filter(([, r]) => (down ? r.top >= here.bottom - 1 : r.bottom <= here.top + 1));
  if (!others.length) return undefined;
  const row = down ? Math.min(...others.map(([, r]) => r.top)) : Math.max(...others.map(([, r]) => r.top));
  const inRow = others.filter(([, r]) => Math.abs(r.top - row) < 2);
  const far = ([, r]) => Math.abs(r.left - here.left);
  return inRow.sort((a, b) => far(a) - far(b))[0][0];
}
