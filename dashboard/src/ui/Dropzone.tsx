import { FileUp } from 'lucide-react';
import { type ReactNode, useRef, useState } from 'react';

import { Button } from './Button';
import { classes } from './classes';
import styles from './Dropzone.module.css';

/** Where a file is dropped, or chosen. */
export function Dropzone({
  title,
  children,
  onFile,
  why,
}: {
  title: string;
  children: ReactNode;
  onFile: (file: File) => void;
  why?: string | undefined;
}) {
  const input = useRef<HTMLInputElement>(null);
  const [isOver, setOver] = useState(false);
  const take = (files: FileList | null | undefined) => {
    const file = files?.[0];
    if (file && why === undefined) onFile(file);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: whoever cannot drop a file has the button
    <div
      className={classes(styles.zone, isOver && styles.over)}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer.files);
      }}
    >
      <FileUp aria-hidden />
      <h2>{title}</h2>
      <p>{children}</p>
      <Button variant="primary" why={why} onClick={() => input.current?.click()}>
        Choose a file
      </Button>
      <input
        ref={input}
        type="file"
        accept=".csv,.txt,text/csv,text/plain"
        hidden
        aria-label={title}
        onChange={(event) => {
          take(event.target.files);
          event.target.value = '';
        }}
      />
    </div>
  );
}
