import { Checkbox, NumberField, Select, TextArea, TextField } from '../ui/Field';
import type { FieldOf } from './fields';

/** One of the fields of a kind. */
export function TrunkField({
  field: { name, label, hint, placeholder, unit, is, isRequired },
  error,
  value,
  onChange,
}: {
  field: FieldOf;
  /** What the page itself has found. */
  error?: string | undefined;
  value: string;
  onChange: (value: string) => void;
}) {
  const common = { label, hint, placeholder, path: name, isOptional: !isRequired, error, value, onChange };
  if (is === 'check') {
    return (
      <Checkbox
        label={label}
        hint={hint}
        isChecked={value === 'yes'}
        onChange={(isOn) => onChange(isOn ? 'yes' : '')}
      />
    );
  }
  if (is === 'number') return <NumberField {...common} {...(unit && { unit })} />;
  if (is === 'lines') return <TextArea {...common} rows={5} />;
  if (is === 'json') return <TextArea {...common} rows={3} spellCheck={false} />;
  if (is === 'secret') return <TextField {...common} type="password" autoComplete="new-password" />;
  if (is === undefined) return <TextField {...common} />;
  return <Select label={label} hint={hint} path={name} value={value} onChange={onChange} options={is} />;
}
