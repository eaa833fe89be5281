import { useState } from 'react';

import { TextField } from './Field';
import { plainNumber } from './phone';

/** The API looks numbers up as a whole, E.164. */
const WHOLE = /^\+[1-9]\d{6,14}$/;

/** A number to look for. It narrows the list once it is a whole one; spaces and dashes do no harm. */
export function PhoneFilter({ value, onChange }: { value: string; onChange: (number: string | undefined) => void }) {
  const [text, setText] = useState(value);
  const plain = plainNumber(text);
  const isHalf = plain !== '' && !WHOLE.test(plain);
  return (
    <TextField
      label="Number"
      type="search"
      inputMode="tel"
      placeholder="+14155550100"
      hint={isHalf ? 'The whole number, with + and its country code.' : undefined}
      value={text}
      onChange={(typed) => {
        setText(typed);
        const number = plainNumber(typed);
        if (number === '' || WHOLE.test(number)) onChange(number || undefined);
      }}
    />
  );
}
