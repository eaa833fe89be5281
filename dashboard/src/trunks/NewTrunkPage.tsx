import { useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useRouter, useSearch } from '@tanstack/react-router';

import { api, ask } from '../api/client';
import { useWhyNot } from '../api/me';
import { BackNote } from '../ui/BackNote';
import { ButtonLink } from '../ui/Button';
import { Note } from '../ui/Note';
import { Card, Page } from '../ui/Page';
import { toast } from '../ui/toast';
import { BEGIN, bodyOf, type Kind, type Values } from './fields';
import { trunksQuery } from './queries';
import { TrunkForm } from './TrunkForm';
import styles from './Trunks.module.css';
import { KIND } from './words';

/** Makes a trunk: first its kind, then what that kind needs. */
export function NewTrunkPage() {
  const { kind, back } = useSearch({ from: '/shell/trunks/new' });
  const why = useWhyNot()('edit trunks');
  return (
    <Page
      title={kind ? `New trunk: ${KIND[kind].text}` : 'New trunk'}
      crumb={<Link to="/trunks">Trunks</Link>}
      lead={kind && KIND[kind].meaning}
    >
      <BackNote back={back} what="the trunk" />
      {why && <Note>{why}</Note>}
      {kind ? <NewTrunk key={kind} kind={kind} back={back} why={why} /> : <Kinds back={back} />}
    </Page>
  );
}

function NewTrunk({ kind, back, why }: { kind: Kind; back: string | undefined; why: string | undefined }) {
  const navigate = useNavigate();
  const { history } = useRouter();
  const cache = useQueryClient();
  const make = async (values: Values) => {
    const { id } = await ask(api.POST('/api/v1/trunks', { body: bodyOf(kind, values) }));
    toast('Trunk made');
    await cache.invalidateQueries({ queryKey: ['trunks'] });
    // The page one came from chooses from this list as it opens.
    if (back) await cache.prefetchQuery({ ...trunksQuery, staleTime: 0 });
    if (back) history.push(back, undefined, { ignoreBlocker: true });
    else await navigate({ to: '/trunks/$trunkId', params: { trunkId: id }, ignoreBlocker: true });
  };
  return (
    <TrunkForm kind={kind} begin={BEGIN} isNew why={why} save={make}>
      <ButtonLink to="/trunks/new" search={{ back }}>
        Another kind
      </ButtonLink>
    </TrunkForm>
  );
}

function Kinds({ back }: { back: string | undefined }) {
  const part = (title: string, kinds: readonly Kind[]) => (
    <Card title={title} isStack>
      <div className={styles.kinds}>
        {kinds.map((kind) => (
          <Link key={kind} to="/trunks/new" search={{ kind, back }} className={styles.kind}>
            <b>{KIND[kind].text}</b>
            <span>{KIND[kind].meaning}</span>
          </Link>
        ))}
      </div>
    </Card>
  );
  return (
    <>
      {part('Places calls', ['sip', 'twilio', 'telnyx', 'livekit', 'simulated'])}
      {part('Sends messages', ['twilioSms', 'whatsapp', 'smtp'])}
    </>
  );
}
