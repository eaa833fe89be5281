import { Plus, X } from 'lucide-react';

import { Button } from '../ui/Button';
import { NumberField, Select, TextField } from '../ui/Field';
import { Fold } from '../ui/Fold';
import { FieldRow, RowWithRemove } from '../ui/Form';
import { Note } from '../ui/Note';
import { Card } from '../ui/Page';
import type { Part } from './AgentForm';
import { KEYS, type KeyDraft, keyDraft, type TransferDraft, transferDraft } from './draft';
import { KEY } from './words';

/** What keys do, and where calls may be handed on to. */
export function KeysCard({ draft, set, mistakes }: Part) {
  const { keys } = draft;
  const free = KEYS.find((key) => !keys.some((it) => it.key === key));
  return (
    <Card title="Keys" isStack>
      <p>What happens when whoever is called presses a key. A key to be left alone is a good thing to offer.</p>
      {keys.map((it) => (
        <KeyRow key={it.id} rule={it} draft={draft} set={set} mistakes={mistakes} />
      ))}
      <div>
        <Button
          disabled={free === undefined}
          onClick={() => set({ keys: [...keys, keyDraft(keys.length === 0 ? '9' : (free ?? '9'))] })}
        >
          <Plus aria-hidden />
          Add a key
        </Button>
      </div>
      {keys.length > 0 && (
        <FieldRow>
          <NumberField
            label="Waits for a key for"
            path="keypadSeconds"
            unit="s"
            hint="After the greeting, where nobody has the call by then; 1 to 60."
            value={draft.keypadSeconds}
            onChange={(keypadSeconds) => set({ keypadSeconds })}
          />
        </FieldRow>
      )}
      <Transfers draft={draft} set={set} mistakes={mistakes} />
    </Card>
  );
}

function KeyRow({ rule, draft: { keys, transfers, connectKind }, set }: Part & { rule: KeyDraft }) {
  const setKey = (changes: Partial<KeyDraft>) =>
    set({ keys: keys.map((it) => (it.id === rule.id ? { ...it, ...changes } : it)) });
  const others = keys.filter(({ id }) => id !== rule.id).map(({ key }) => key);
  const names = transfers.map(({ name }) => name.trim()).filter((name) => name !== '');
  return (
    <>
      <RowWithRemove
        remove={
          <Button
            variant="quiet"
            iconOnly
            aria-label={`Remove key ${rule.key}`}
            onClick={() => set({ keys: keys.filter(({ id }) => id !== rule.id) })}
          >
            <X aria-hidden />
          </Button>
        }
      >
        <Select
          label="Key"
          value={rule.key}
          onChange={(key) => setKey({ key })}
          options={KEYS.filter((key) => !others.includes(key)).map((key) => [key, key] as const)}
        />
        <Select
          label={`What ${rule.key} does`}
          path={rule.action === 'transfer' ? `keypad.${rule.key}.action` : `keypad.${rule.key}`}
          value={rule.action}
          onChange={(action) => setKey({ action })}
          options={Object.entries(KEY) as [KeyDraft['action'], string][]}
        />
        {rule.action === 'transfer' && (
          <Select
            label={`Where ${rule.key} hands on to`}
            path={`keypad.${rule.key}.to`}
            hint={names.length === 0 ? 'Name somewhere below first.' : undefined}
            value={names.includes(rule.to) ? rule.to : ''}
            onChange={(to) => setKey({ to })}
            options={[['', 'Choose one'], ...names.map((name) => [name, name] as const)]}
          />
        )}
      </RowWithRemove>
      {rule.action === 'connect' && connectKind === '' && (
        <Note tone="warn">Key {rule.key} connects with who talks, but nobody does yet: say above who.</Note>
      )}
    </>
  );
}

function Transfers({ draft: { keys, transfers }, set, mistakes }: Part) {
  const setTransfer = (id: number, changes: Partial<TransferDraft>) =>
    set({ transfers: changed(transfers, id, changes) });
  // Keys that hand on to it follow its name.
  const rename = (it: TransferDraft, name: string) =>
    set({
      transfers: changed(transfers, it.id, { name }),
      keys: keys.map((key) => (it.name.trim() !== '' && key.to === it.name.trim() ? { ...key, to: name.trim() } : key)),
    });
  const isWanted = keys.some(({ action }) => action === 'transfer');
  return (
    <Fold
      // Opens as soon as a key needs it.
      key={`${isWanted}`}
      title="Where calls may be handed on to"
      isOpenAtFirst={isWanted || transfers.length > 0}
    >
      {transfers.map((it, index) => (
        <RowWithRemove
          key={it.id}
          remove={
            <Button
              variant="quiet"
              iconOnly
              aria-label={`Remove ${it.name || `number ${index + 1}`}`}
              onClick={() => set({ transfers: transfers.filter(({ id }) => id !== it.id) })}
            >
              <X aria-hidden />
            </Button>
          }
        >
          <TextField
            label={`Name ${index + 1}`}
            placeholder="sales"
            error={mistakes.transfers}
            value={it.name}
            onChange={(name) => rename(it, name)}
          />
          <Select
            label="By"
            value={it.kind}
            onChange={(kind) => setTransfer(it.id, { kind })}
            options={[
              ['sip', 'a second call of ours'],
              ['refer', 'the trunk (REFER)'],
            ]}
          />
          <TextField
            label="To"
            path={`transfers.${it.name.trim()}`}
            placeholder={it.kind === 'sip' ? 'sip:sales@pbx.example.com' : '+14155550100'}
            value={it.to}
            onChange={(to) => setTransfer(it.id, { to })}
          />
        </RowWithRemove>
      ))}
      <div>
        <Button onClick={() => set({ transfers: [...transfers, transferDraft()] })}>
          <Plus aria-hidden />
          Add one
        </Button>
      </div>
    </Fold>
  );
}

const changed = (transfers: readonly TransferDraft[], id: number, changes: Partial<TransferDraft>) =>
  transfers.map((it) => (it.id === id ? { ...it, ...changes } : it));
