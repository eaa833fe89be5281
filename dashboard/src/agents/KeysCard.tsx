import { Plus, X } from 'lucide-react';

import { Button } from '../ui/Button';
import { NumberField, Select, TextField } from '../ui/Field';
import { FieldRow } from '../ui/Form';
import { Card } from '../ui/Page';
import { type AgentDraft, KEYS, type KeyDraft, keyDraft, type TransferDraft, transferDraft } from './draft';
import { KEY } from './words';

/** What keys do, and where calls may be handed on to. */
export function KeysCard({ draft, set }: { draft: AgentDraft; set: (changes: Partial<AgentDraft>) => void }) {
  const { keys, transfers } = draft;
  const free = KEYS.find((key) => !keys.some((it) => it.key === key));
  const setKey = (id: number, changes: Partial<KeyDraft>) =>
    set({ keys: keys.map((it) => (it.id === id ? { ...it, ...changes } : it)) });
  const setTransfer = (id: number, changes: Partial<TransferDraft>) =>
    set({ transfers: transfers.map((it) => (it.id === id ? { ...it, ...changes } : it)) });
  return (
    <Card title="Keys" isStack>
      <p>What happens when whoever is called presses a key. A key to be left alone is a good thing to offer.</p>
      {keys.map((it) => (
        <FieldRow key={it.id}>
          <Select
            label="Key"
            path={`keypad.${it.key}`}
            value={it.key}
            onChange={(key) => setKey(it.id, { key })}
            options={KEYS.filter((key) => key === it.key || !keys.some((other) => other.key === key)).map(
              (key) => [key, key] as const,
            )}
          />
          <Select
            label={`What ${it.key} does`}
            value={it.action}
            onChange={(action) => setKey(it.id, { action })}
            options={Object.entries(KEY) as [KeyDraft['action'], string][]}
          />
          {it.action === 'transfer' && (
            <Select
              label={`Where ${it.key} hands on to`}
              value={it.to}
              onChange={(to) => setKey(it.id, { to })}
              options={[['', 'Choose one'], ...transfers.map(({ name }) => [name.trim(), name.trim()] as const)]}
            />
          )}
          <Button
            variant="quiet"
            iconOnly
            aria-label={`Remove key ${it.key}`}
            onClick={() => set({ keys: keys.filter((other) => other.id !== it.id) })}
          >
            <X aria-hidden />
          </Button>
        </FieldRow>
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
        <NumberField
          label="Waits for a key for"
          path="keypadSeconds"
          unit="s"
          value={draft.keypadSeconds}
          onChange={(keypadSeconds) => set({ keypadSeconds })}
        />
      )}
      <details open={transfers.length > 0}>
        <summary>Where calls may be handed on to</summary>
        {transfers.map((it, index) => (
          <FieldRow key={it.id}>
            <TextField
              label={`Name ${index + 1}`}
              placeholder="sales"
              value={it.name}
              onChange={(name) => setTransfer(it.id, { name })}
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
            <Button
              variant="quiet"
              iconOnly
              aria-label={`Remove ${it.name || `number ${index + 1}`}`}
              onClick={() => set({ transfers: transfers.filter((other) => other.id !== it.id) })}
            >
              <X aria-hidden />
            </Button>
          </FieldRow>
        ))}
        <Button onClick={() => set({ transfers: [...transfers, transferDraft()] })}>
          <Plus aria-hidden />
          Add one
        </Button>
      </details>
    </Card>
  );
}
