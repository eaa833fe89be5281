import { expect, test } from 'vitest';

import { backIn } from './back';

test('the way back leads to pages of the dashboard only', () => {
  const back = '/campaigns/new?upload=upl_1&step=agent';
  expect(backIn({ back })).toEqual({ back });
  for (const elsewhere of [
    undefined,
    7,
    '',
    '//evil.example',
    '/\\evil.example',
    'https://evil.example',
    'javascript:1',
  ])
    expect(backIn({ back: elsewhere })).toEqual({});
});
