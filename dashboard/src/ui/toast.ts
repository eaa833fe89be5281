/** A short word on what has just been done. */
export interface Toast {
  id: number;
  text: string;
}

/** How long one stays, in milliseconds. */
const STAYS = 5_000;

let toasts: readonly Toast[] = [];
let next = 1;
const listeners = new Set<() => void>();

function become(changed: readonly Toast[]): void {
  toasts = changed;
  for (const listener of listeners) listener();
}

/** The ones that are shown. */
export const shownToasts = (): readonly Toast[] => toasts;

/** Calls back when they change. */
export function onToasts(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Takes one away. */
export const closeToast = (id: number): void => become(toasts.filter((toast) => toast.id !== id));

/** Says that something has been done. What went wrong is not for here: it stands beside what caused it (`ErrorNote`). */
export function toast(text: string): void {
  const id = next++;
  become([...toasts, { id, text }]);
  setTimeout(() => closeToast(id), STAYS);
}
