import { useState } from 'react';

import { TextField } from '../ui/Field';
import { FieldRow } from '../ui/Form';
import { filled, variablesOf } from './words';

/** The greeting as somebody hears it, with values to try; nothing where no text has places. */
export function Sample({ greeting, others }: { greeting: string; others: readonly string[] }) {
  const variables = variablesOf(greeting, ...others);
  const [values, setValues] = useState<ReadonlyMap<string, string>>(new Map());
  if (variables.size === 0) return null;
  const needed = [...variables].filter(([, fallback]) => fallback === null).map(([name]) => name);
  return (
    <details open>
      <summary>Heard by somebody</summary>
      <FieldRow>
        {[...variables].map(([name, fallback]) => (
          <TextField
            key={name}
            label={<code>{name}</code>}
            placeholder={fallback ?? 'every recipient needs it'}
            value={values.get(name) ?? ''}
            onChange={(value) => setValues(new Map(values).set(name, value))}
          />
        ))}
      </FieldRow>
      <p role="status">“{filled(greeting, values)}”</p>
      {needed.length > 0 && (
        <p>Whoever lacks {needed.join(', ')} is not called: give a default where a list may lack it.</p>
      )}
    </details>
  );
}
