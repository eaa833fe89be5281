import { useState } from 'react';

import { TextField } from '../ui/Field';
import { FieldRow } from '../ui/Form';
import styles from './Sample.module.css';
import { filled, variablesOf } from './words';

/** What somebody hears, with values to try, and which variables that takes; nothing where no text has places. */
export function Sample({
  texts,
  openingLine,
}: {
  /** What is said to people, with its name. */
  texts: readonly (readonly [name: string, text: string])[];
  /** Said by the program: whoever lacks its variables is called all the same. */
  openingLine: string;
}) {
  const said = texts.map(([, text]) => text);
  const variables = variablesOf(...said, openingLine);
  const [values, setValues] = useState<ReadonlyMap<string, string>>(new Map());
  if (variables.size === 0) return null;
  const needed = [...variablesOf(...said)].filter(([, fallback]) => fallback === null).map(([name]) => name);
  const shown = [...texts, ['Opening line', openingLine] as const].filter(([, text]) => text.trim() !== '');
  return (
    <section className={styles.sample} aria-label="Heard by somebody">
      <FieldRow>
        {[...variables].map(([name, fallback]) => (
          <TextField
            key={name}
            label={<code>{name}</code>}
            placeholder={fallback ?? 'a value to try'}
            value={values.get(name) ?? ''}
            onChange={(value) => setValues(new Map(values).set(name, value))}
          />
        ))}
      </FieldRow>
      <div role="status">
        <dl className={styles.said}>
          {shown.map(([name, text]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>“{filled(text, values)}”</dd>
            </div>
          ))}
        </dl>
      </div>
      {needed.length > 0 && (
        <p className={styles.needed}>
          Whoever lacks {needed.join(', ')} is not called: give a default where a list may lack it.
        </p>
      )}
    </section>
  );
}
