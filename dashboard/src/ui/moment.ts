/** As a field for a moment holds it, on the reader's clock: `2026-03-04T09:05`; empty where it is no moment. */
export function localMoment(at: Date): string {
  if (Number.isNaN(at.getTime())) return '';
  const digits = (n: number, many = 2) => String(n).padStart(many, '0');
  // While a year is typed it is one like 0002: with less than four digits the browser would empty the field.
  const day = `${digits(at.getFullYear(), 4)}-${digits(at.getMonth() + 1)}-${digits(at.getDate())}`;
  return `${day}T${digits(at.getHours())}:${digits(at.getMinutes())}`;
}

/** Earlier years are ones that are still being typed: 0202 on the way to 2026. */
const FIRST_YEAR = 2000;

/** What such a field holds, as the API writes it; undefined where it is empty, null where its year is not typed to its end. */
export function momentIn(text: string): string | undefined | null {
  if (text === '') return undefined;
  const at = new Date(text);
  return at.getFullYear() >= FIRST_YEAR && at.getFullYear() <= 9999 ? at.toISOString() : null;
}
