import { useState } from 'react';

import { TextField } from './Field';

/** Narrows a list by what is looked up as a whole: when it is left, or on Enter, for half of it finds nothing. */
export function WholeFilter({
  label,
  placeholder,
  value = '',
  onChange,
}: {
  label: string;
  placeholder: string;
  value: string | undefined;
  onChange: (value: string | undefined) => void;
}) {
  const [text, setText] = useState(value);
  const done = () => {
    if (text.trim() !== value) onChange(text.trim() || undefined);
  };
  return (
    <TextField
      label={label}
      type="search"
      placeholder={placeholder}
      value={text}
      onChange={setText}
      onBlur={done}
      onKeyDown={(event) => {
        if (event.key === 'Enter') done();
      }}
    />
  );
}
