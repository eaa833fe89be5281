/** From where somebody came to make something, as `?back=` of a page says it: a page of the dashboard, or nothing. */
export function backIn(search: Record<string, unknown>): { back?: string | undefined } {
  const { back } = search;
  return typeof back === 'string' && /^\/(?![/\\])/.test(back) ? { back } : {};
}
