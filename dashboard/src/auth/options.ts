import { queryOptions } from '@tanstack/react-query';

import { api, ask } from '../api/client';

/** Which ways in this server has. */
export const optionsQuery = queryOptions({
  queryKey: ['auth', 'options'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/auth/options', { signal })),
});
