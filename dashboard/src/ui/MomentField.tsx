import { TextField } from './Field';
import { localMoment } from './moment';

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
      value={value === undefined ? '' : localMoment(new Date(value))}
      onChange={(text) => onChange(text === '' ? undefined : new Date(text).toISOString())}
    />
  );
}
