import { queryOptions } from '@tanstack/react-query';

import { api, ask } from '../api/client';
import type { components } from '../api/schema';

type Options = components['schemas']['Entrance'];

/** Whether nobody can do anything here but make the first account. */
export const onlySignUp = (options: Options | undefined): boolean => options?.first === true && !options.google;

/** Which ways in this server has. */
export const optionsQuery = queryOptions({
  queryKey: ['auth', 'options'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/auth/options', { signal })),
});
