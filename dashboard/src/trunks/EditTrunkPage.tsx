import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';

import { api, ask } from '../api/client';
import { useWhyNot } from '../api/me';
import { ButtonLink } from '../ui/Button';
import { ErrorNote, Note } from '../ui/Note';
import { Card, Page } from '../ui/Page';
import { Skeleton } from '../ui/Skeleton';
import { toast } from '../ui/toast';
import { changesOf, type Values, valuesOf } from './fields';
import { type Trunk, trunkQuery } from './queries';
import { TrunkForm } from './TrunkForm';
import { KIND } from './words';

/** Changes a trunk that is there. */
export function EditTrunkPage() {
  const { trunkId } = useParams({ from: '/shell/trunks/$trunkId/edit' });
  const { data: trunk, error, refetch, isPending } = useQuery(trunkQuery(trunkId));
  const why = useWhyNot()('edit trunks');
  return (
    <Page
      title={trunk ? `Change ${trunk.name}` : 'Change a trunk'}
      crumb={
        <Link to="/trunks/$trunkId" params={{ trunkId }}>
          {trunk?.name ?? 'Trunk'}
        </Link>
      }
      lead={trunk && `${KIND[trunk.kind].text}. The next call that begins goes by it; live ones go on as they began.`}
    >
      <ErrorNote error={error} onRetry={() => refetch()} />
      {isPending && (
        <Card>
          <Skeleton lines={5} />
        </Card>
      )}
      {why && <Note>{why}</Note>}
      {trunk && <EditTrunk key={trunkId} trunk={trunk} why={why} />}
    </Page>
  );
}

function EditTrunk({ trunk, why }: { trunk: Trunk; why: string | undefined }) {
  const { id: trunkId, kind } = trunk;
  const navigate = useNavigate();
  const cache = useQueryClient();
  const begin = valuesOf(trunk);
  const save = async (values: Values) => {
    const body = changesOf(kind, begin, values);
    await ask(api.PATCH('/api/v1/trunks/{trunkId}', { params: { path: { trunkId } }, body }));
    toast('Trunk changed');
    await cache.invalidateQueries({ queryKey: ['trunks'] });
    await navigate({ to: '/trunks/$trunkId', params: { trunkId }, ignoreBlocker: true });
  };
  return (
    <TrunkForm kind={kind} begin={begin} isNew={false} why={why} save={save}>
      <ButtonLink to="/trunks/$trunkId" params={{ trunkId }}>
        Leave it as it is
      </ButtonLink>
    </TrunkForm>
  );
}
