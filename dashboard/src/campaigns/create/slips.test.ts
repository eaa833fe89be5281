import { expect, test } from 'vitest';

import { slips } from './slips';

test('a place that no column fills by a letter, or that is not closed, is told', () => {
  const columns = ['Name', 'city'];
  for (const text of ['', 'Hello', 'Hello {{Name}}, {{ city | there }}', '{{other}}', '{Name}', '}} {']) {
    expect(slips(text, columns)).toEqual([]);
  }
  expect(slips('{{name|there}} {{name}}', columns)).toEqual([
    'The list has {{Name}}, and no {{name}}: small and large letters count.',
  ]);
  expect(slips('{{Name|there} {{city}}', columns)).toHaveLength(1);
  expect(slips('{{Name}}, {{CITY}} {{', columns)).toHaveLength(2);
});
