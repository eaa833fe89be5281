/** What looks like a slip in a text with places for variables, in sentences: nobody would hear of it before the calls. */
export function slips(text: string, columns: readonly string[]): string[] {
  const found = new Set<string>();
  const rest = text.replaceAll(/\{\{((?:(?!\{\{|\}\}).)*)\}\}/gs, (_, place: string) => {
    const name = (place.split('|')[0] ?? '').trim();
    const alike = columns.find((column) => column.toLowerCase() === name.toLowerCase());
    if (alike !== undefined && !columns.includes(name)) {
      found.add(`The list has {{${alike}}}, and no {{${name}}}: small and large letters count.`);
    }
    return '';
  });
  if (rest.includes('{{')) found.add('A place begins with {{ and does not end with }}: it is said as it stands.');
  return [...found];
}
