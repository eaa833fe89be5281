import { useInfiniteQuery } from '@tanstack/react-query';
import { KeyRound, Plus } from 'lucide-react';
import { useState } from 'react';

import { useWhyNot } from '../api/me';
import { Button } from '../ui/Button';
import { EmptyState } from '../ui/EmptyState';
import { Note } from '../ui/Note';
import { Page } from '../ui/Page';
import { PageCard, rowsOf } from '../ui/PageCard';
import { type AskedKey, KeyQuestion } from './KeyQuestion';
import { KeysTable } from './KeysTable';
import { NewKeyDialog } from './NewKeyDialog';
import { type KeyMade, keysQuery } from './queries';
import { Shown } from './Shown';

/** The keys by which programs use this workspace. */
export function KeysPage() {
  const whyNot = useWhyNot();
  const hidden = whyNot('see keys');
  const why = whyNot('manage keys');
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<KeyMade | null>(null);
  const make = (
    <Button variant="primary" why={why} onClick={() => setMaking(true)}>
      <Plus aria-hidden />
      New key
    </Button>
  );
  return (
    <Page
      title="API keys"
      lead="A key lets one of your programs do over the API what you do here. Give each a key of its own, so that one can be taken back alone."
      actions={hidden === undefined && make}
    >
      {hidden === undefined ? <Keys why={why} onMade={setMade} /> : <Note>{hidden}</Note>}
      {isMaking && (
        <NewKeyDialog
          onMade={(key) => {
            setMaking(false);
            setMade(key);
          }}
          onClose={() => setMaking(false)}
        />
      )}
      {made && <Shown of={made} onClose={() => setMade(null)} />}
    </Page>
  );
}

function Keys({ why, onMade }: { why: string | undefined; onMade: (made: KeyMade) => void }) {
  const list = useInfiniteQuery(keysQuery);
  const keys = rowsOf(list);
  const [asked, setAsked] = useState<AskedKey | null>(null);
  return (
    <>
      <PageCard list={list}>
        {keys.length > 0 ? (
          <KeysTable keys={keys} why={why} onAsk={setAsked} />
        ) : (
          <EmptyState icon={KeyRound} title="No keys yet">
            Make one for each program that is to place calls, fill campaigns or read results here.
          </EmptyState>
        )}
      </PageCard>
      {asked && <KeyQuestion asked={asked} onRotated={onMade} onClose={() => setAsked(null)} />}
    </>
  );
}
