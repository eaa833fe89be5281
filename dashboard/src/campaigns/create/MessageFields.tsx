import { TextArea, TextField } from '../../ui/Field';
import styles from './Forms.module.css';
import type { StepDraft } from './plan';

const PLACES = (
  <>
    <code>{'{{name}}'}</code> is filled with each recipient's own, <code>{'{{name|there}}'}</code> has a word for those
    who lack it.
  </>
);

/** What a message says. */
export function MessageFields({
  step: { channel, message },
  path,
  onChange,
}: {
  step: StepDraft;
  path: string;
  onChange: (changes: Partial<StepDraft>) => void;
}) {
  const field = (name: keyof typeof message) => ({
    path: `${path}.message.${name}`,
    value: message[name],
    onChange: (value: string) => onChange({ message: { ...message, [name]: value } }),
  });
  switch (channel) {
    case 'sms':
      return <TextArea label="Text" hint={PLACES} {...field('text')} />;
    case 'email':
      return (
        <div className={styles.form}>
          <TextField label="Subject" {...field('subject')} />
          <TextArea
            label="Text"
            hint={
              <>
                {PLACES} <code>{'{{unsubscribeUrl}}'}</code> leads to a page that takes them off the list.
              </>
            }
            {...field('text')}
          />
          <TextArea label="HTML" isOptional {...field('html')} />
        </div>
      );
    case 'whatsapp':
      return (
        <div className={styles.pair}>
          <TextField label="Template" hint="The name of an approved one." {...field('template')} />
          <TextField label="Language" placeholder="en_US" {...field('language')} />
          <TextArea
            className={styles.wide}
            label="Values of the template"
            hint={<>One on each line, in the order of its places. {PLACES}</>}
            {...field('variables')}
          />
          <TextArea
            className={styles.wide}
            label="Instead, to whoever has written in the last day"
            isOptional
            {...field('text')}
          />
        </div>
      );
    default:
      return null;
  }
}
