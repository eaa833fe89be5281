import { Link, useSearch } from '@tanstack/react-router';

import { useWhyNot } from '../api/me';
import { BackNote } from '../ui/BackNote';
import { Note } from '../ui/Note';
import { Card, Page } from '../ui/Page';
import type { Kind } from './fields';
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
      {kind ? <TrunkForm key={kind} kind={kind} back={back} why={why} /> : <Kinds back={back} />}
    </Page>
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
