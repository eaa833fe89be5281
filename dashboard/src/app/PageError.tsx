import { type ErrorComponentProps, useRouter } from '@tanstack/react-router';

import { ErrorNote } from '../ui/Note';
import { Page } from '../ui/Page';

/** Stands in the place of a page that could not be shown. */
export function PageError({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const again = () => {
    reset();
    void router.invalidate();
  };
  return (
    <Page title="This page could not be shown" isNarrow>
      <ErrorNote error={error} onRetry={again} />
    </Page>
  );
}
