/** As a field for a moment holds it, on the reader's clock: `2026-03-04T09:05`; empty where it is no moment. */
export function localMoment(at: Date): string {
  if (Number.isNaN(at.getTime())) return '';
  const digits = (n: number, many = 2) => String(n).padStart(many, '0');
  // While a year is typed it is one like 0002: with less than four digits the browser would empty the field.
  const day = `${digits(at.getFullYear(), 4)}-${digits(at.getMonth() + 1)}-${digits(at.getDate())}`;
  return `${day}T${digits(at.getHours())}:${digits(at.getMinutes())}`;
}
