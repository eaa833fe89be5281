/** One row of a file, and the line it begins on. */
export interface Row {
  line: number;
  cells: readonly string[];
}

/** The text of a file: UTF-8, or else what spreadsheets of Windows write. */
export function textOf(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

/** The rows of a CSV (RFC 4180): quoted cells may hold separators, line ends and doubled quotes. Rows without any text are left out. */
export function parseCsv(text: string): Row[] {
  const plain = text.replace(/^\uFEFF/, '');
  const separator = separatorOf(plain);
  const rows: Row[] = [];
  let cells: string[] = [];
  let cell = '';
  let isQuoted = false;
  let line = 1;
  let begun = 1;
  const endCell = () => {
    cells.push(cell.trim());
    cell = '';
  };
  const endRow = () => {
    endCell();
    if (cells.some((it) => it !== '')) rows.push({ line: begun, cells });
    cells = [];
    begun = line;
  };
  for (let at = 0; at < plain.length; at += 1) {
    const char = plain[at];
    if (char === '\n') line += 1;
    if (isQuoted) {
      if (char !== '"') cell += char;
      else if (plain[at + 1] === '"') {
        cell += '"';
        at += 1;
      } else isQuoted = false;
    } else if (char === '"' && cell.trim() === '') {
      cell = '';
      isQuoted = true;
    } else if (char === separator) endCell();
    else if (char === '\n') endRow();
    else if (char !== '\r') cell += char;
  }
  endRow();
  return rows;
}

/** What stands between the cells of the first line, most often. */
function separatorOf(text: string): string {
  const [first = ''] = text.split('\n', 1);
  const times = (char: string) => first.split(char).length;
  return [',', ';', '\t'].reduce((best, char) => (times(char) > times(best) ? char : best));
}
