import { useSyncExternalStore } from 'react';

/** What the page looks like: as the system does, or as somebody has chosen here. */
export type Theme = 'system' | 'light' | 'dark';

const KEY = 'ringfleet.theme';
const listeners = new Set<() => void>();

const kept = (): Theme => {
  const text = localStorage.getItem(KEY);
  return text === 'light' || text === 'dark' ? text : 'system';
};

/** Makes the page look as it is to. Once at the start, and with each change. */
export function applyTheme(theme: Theme = kept()): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

function choose(theme: Theme): void {
  if (theme === 'system') localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, theme);
  applyTheme(theme);
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The theme, and how to choose another one. */
export const useTheme = (): [Theme, (theme: Theme) => void] => [useSyncExternalStore(subscribe, kept), choose];
