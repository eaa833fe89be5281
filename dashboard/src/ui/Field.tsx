import {
  type InputHTMLAttributes,
  type ReactNode,
  type Ref,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useId,
} from 'react';

import { classes } from './classes';
import styles from './Field.module.css';
import { useFormError } from './FieldErrors';

interface FieldProps {
  label: ReactNode;
  /** What is good to know before filling it in. */
  hint?: ReactNode | undefined;
  /** What is wrong with it. */
  error?: string | null | undefined;
  /** Path of the field in the API's body, like `limits.callsPerSecond`: its refusal is shown here. */
  path?: string | undefined;
  /** Says that it may be left empty. */
  isOptional?: boolean | undefined;
  className?: string | undefined;
}

function useOwnError({ error, path, label }: FieldProps): string | null {
  const ofForm = useFormError(path, label);
  return error || ofForm;
}

/** Label, control, hint and error, tied together for everybody. `control` gets the attributes that tie. */
export function Field(
  props: FieldProps & {
    control: (ties: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: true }) => ReactNode;
  },
) {
  const { label, hint, isOptional, className, control } = props;
  const id = useId();
  const error = useOwnError(props);
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ');
  return (
    <div className={classes(styles.field, className)}>
      <label htmlFor={id} className={styles.label}>
        {label} {isOptional && <span className={styles.optional}>(optional)</span>}
      </label>
      {control({
        id,
        ...(described && { 'aria-describedby': described }),
        ...(error && { 'aria-invalid': true as const }),
      })}
      {hint && (
        <span id={`${id}-hint`} className={styles.hint}>
          {hint}
        </span>
      )}
      {error && (
        <span id={`${id}-error`} className={styles.error}>
          {error}
        </span>
      )}
    </div>
  );
}

type Own<T> = Omit<T, 'onChange' | 'value' | 'className'> &
  FieldProps & { value: string; onChange: (value: string) => void };

/** One line of text. */
export function TextField({
  unit,
  ref,
  ...all
}: Own<InputHTMLAttributes<HTMLInputElement>> & { unit?: string; ref?: Ref<HTMLInputElement> }) {
  const [field, { value, onChange, ...rest }] = split(all);
  return (
    <Field
      {...field}
      control={(ties) => {
        const input = (
          <input
            ref={ref}
            type="text"
            autoComplete="off"
            {...rest}
            {...ties}
            className={styles.input}
            value={value}
            onChange={(event) => onChange(event.target.value)}
          />
        );
        return unit === undefined ? (
          input
        ) : (
          <span className={styles.withUnit}>
            {input}
            <span className={styles.unit}>{unit}</span>
          </span>
        );
      }}
    />
  );
}

/** A number as it is being typed; `numberOf` reads it. */
export function NumberField(
  props: Own<InputHTMLAttributes<HTMLInputElement>> & { unit?: string; ref?: Ref<HTMLInputElement> },
) {
  return <TextField inputMode="decimal" {...props} />;
}

/** What a number field holds: a number, null where it is empty, undefined where it is no number. */
export function numberOf(text: string): number | null | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  const number = Number(trimmed.replace(',', '.'));
  return Number.isFinite(number) ? number : undefined;
}

/** Several lines of text. */
export function TextArea(all: Own<TextareaHTMLAttributes<HTMLTextAreaElement>>) {
  const [field, { value, onChange, ...rest }] = split(all);
  return (
    <Field
      {...field}
      control={(ties) => (
        <textarea
          {...rest}
          {...ties}
          className={styles.input}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    />
  );
}

/** One of several; `options` are values with what people read. */
export function Select<V extends string>({
  options,
  ...all
}: Omit<Own<SelectHTMLAttributes<HTMLSelectElement>>, 'onChange' | 'value'> & {
  value: V;
  onChange: (value: V) => void;
  options: readonly (readonly [value: V, label: string])[];
}) {
  const [field, { value, onChange, ...rest }] = split(all);
  return (
    <Field
      {...field}
      control={(ties) => (
        <select
          {...rest}
          {...ties}
          className={styles.input}
          value={value}
          onChange={(event) => onChange(event.target.value as V)}
        >
          {options.map(([option, text]) => (
            <option key={option} value={option}>
              {text}
            </option>
          ))}
        </select>
      )}
    />
  );
}

/** Yes or no. */
export function Checkbox({
  label,
  hint,
  isChecked,
  onChange,
  isDisabled,
}: {
  label: ReactNode;
  hint?: ReactNode;
  isChecked: boolean;
  onChange: (isChecked: boolean) => void;
  isDisabled?: boolean;
}) {
  const id = useId();
  return (
    <div className={styles.check}>
      <input
        id={id}
        type="checkbox"
        checked={isChecked}
        disabled={isDisabled}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onChange={(event) => onChange(event.target.checked)}
      />
      <label htmlFor={id}>{label}</label>
      {hint && (
        <span id={`${id}-hint`} className={styles.hint}>
          {hint}
        </span>
      )}
    </div>
  );
}

/** What is the field's, and what is the control's. */
function split<P extends FieldProps>(props: P): [FieldProps, Omit<P, keyof FieldProps>] {
  const { label, hint, error, path, isOptional, className, ...rest } = props;
  return [{ label, hint, error, path, isOptional, className }, rest];
}
