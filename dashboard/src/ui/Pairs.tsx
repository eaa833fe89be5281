import { Plus, X } from 'lucide-react';
import { useId } from 'react';

import { Button } from './Button';
import fieldStyles from './Field.module.css';
import styles from './Pairs.module.css';

/** A name and its value, as they are being typed. */
export interface Pair {
  id: number;
  name: string;
  value: string;
}

let next = 1;

/** An empty pair, or one to begin with. */
export const pair = (name = '', value = ''): Pair => ({ id: next++, name, value });

/** What has a name, as an object. */
export const objectOf = (pairs: readonly Pair[]): Record<string, string> =>
  Object.fromEntries(pairs.filter(({ name }) => name.trim() !== '').map(({ name, value }) => [name.trim(), value]));

/** Names with values, as many as wanted. */
export function Pairs({
  label,
  hint,
  add,
  nameIs = 'Name',
  valueIs = 'Value',
  pairs,
  onChange,
}: {
  label: string;
  hint?: string;
  /** What the button says that makes another one: `Add a header`. */
  add: string;
  nameIs?: string;
  valueIs?: string;
  pairs: readonly Pair[];
  onChange: (pairs: readonly Pair[]) => void;
}) {
  const id = useId();
  const set = (which: number, change: Partial<Pair>) =>
    onChange(pairs.map((it) => (it.id === which ? { ...it, ...change } : it)));
  return (
    <fieldset className={styles.pairs} aria-describedby={hint ? id : undefined}>
      <legend className={fieldStyles.label}>{label}</legend>
      {pairs.map(({ id: key, name, value }, i) => (
        <div key={key} className={styles.row}>
          <input
            className={fieldStyles.input}
            aria-label={`${nameIs} ${i + 1}`}
            placeholder={nameIs}
            value={name}
            onChange={(event) => set(key, { name: event.target.value })}
          />
          <input
            className={fieldStyles.input}
            aria-label={`${valueIs} ${i + 1}`}
            placeholder={valueIs}
            value={value}
            onChange={(event) => set(key, { value: event.target.value })}
          />
          <Button
            variant="quiet"
            iconOnly
            aria-label={`Remove ${name || `row ${i + 1}`}`}
            onClick={() => onChange(pairs.filter((it) => it.id !== key))}
          >
            <X aria-hidden />
          </Button>
        </div>
      ))}
      <div>
        <Button onClick={() => onChange([...pairs, pair()])}>
          <Plus aria-hidden />
          {add}
        </Button>
      </div>
      {hint && (
        <span id={id} className={fieldStyles.hint}>
          {hint}
        </span>
      )}
    </fieldset>
  );
}
