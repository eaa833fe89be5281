import { TextField } from './Field';

/** A moment, on the clock of whoever chooses it; outside it is as the API writes it, or nothing. */
export function MomentField({
  label,
  value,
  onChange,
  hint,
  path,
  isOptional,
}: {
  label: string;
  value: string | undefined;
  onChange: (moment: string | undefined) => void;
  hint?: string;
  path?: string;
  isOptional?: boolean;
}) {
  return (
    <TextField
      label={label}
      type="datetime-local"
      hint={hint}
      path={path}
      isOptional={isOptional}
      value={value === undefined ? '' : local(new Date(value))}
      onChange={(text) => onChange(text === '' ? undefined : new Date(text).toISOString())}
    />
  );
}

/** As such a field holds it: `2026-03-04T09:05`. */
function local(at: Date): string {
  const two = (n: number) => String(n).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}
