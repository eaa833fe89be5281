import { useState } from 'react';

import { TextField } from './Field';
import { localMoment, momentIn } from './moment';

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
  // What is being typed is its own: given back late, as the address does, it would take the year out of somebody's hands.
  const [text, setText] = useState(() => asText(value));
  const [seen, setSeen] = useState(value);
  if (seen !== value) {
    setSeen(value);
    if (momentIn(text) !== value) setText(asText(value));
  }
  return (
    <TextField
      label={label}
      type="datetime-local"
      hint={hint}
      path={path}
      isOptional={isOptional}
      value={text}
      onChange={(typed) => {
        setText(typed);
        const moment = momentIn(typed);
        if (moment !== null) onChange(moment);
      }}
    />
  );
}

const asText = (moment: string | undefined): string => (moment === undefined ? '' : localMoment(new Date(moment)));
