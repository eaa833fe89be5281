import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useLocation } from '@tanstack/react-router';

import { api, ask } from '../../api/client';
import { useWhyNot } from '../../api/me';
import { Button, ButtonLink } from '../../ui/Button';
import { ErrorNote, Note } from '../../ui/Note';
import { toast } from '../../ui/toast';
import { trunksQuery } from '../queries';
import styles from './Upload.module.css';

/** For workspaces that have nothing to place calls with: a trunk for trying things out calls nobody. */
export function NoTrunk() {
  const cache = useQueryClient();
  const whyNot = useWhyNot();
  const here = useLocation({ select: ({ href }) => href });
  const make = useMutation({
    mutationFn: () => {
      const body = { name: 'Trial, calls nobody', kind: 'simulated' as const, ringMs: 2_000, talkMs: 8_000 };
      return ask(api.POST('/api/v1/trunks', { body: { ...body, limits: { callsPerSecond: 5, maxLiveCalls: 50 } } }));
    },
    onSuccess: async () => {
      await cache.invalidateQueries({ queryKey: trunksQuery.queryKey });
      toast('Trial trunk made');
    },
  });
  return (
    <>
      <Note
        tone="warn"
        action={
          <div className={styles.buttons}>
            <Button why={whyNot('edit trunks')} isPending={make.isPending} onClick={() => make.mutate()}>
              Make a trial trunk
            </Button>
            {whyNot('edit trunks') === undefined && (
              <ButtonLink to="/trunks/new" search={{ back: here }}>
                Connect a carrier
              </ButtonLink>
            )}
          </div>
        }
      >
        There is no trunk to place calls with yet. To try a campaign without calling anybody, make one that only acts as
        if it did.
      </Note>
      <ErrorNote error={make.error} />
    </>
  );
}
