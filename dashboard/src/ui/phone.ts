/** What people and telephones put into numbers when they copy them: spaces, brackets, dots, every kind of dash, and marks that nobody sees. */
const DECORATION = /[\s().\-\u2010-\u2015\u2212\u200b-\u200f\u202a-\u202e\u2060-\u2069]/g;

/** A number as the API takes it: `+49 (151) 123-456` → `+49151123456`. */
export const plainNumber = (typed: string): string => typed.replace(DECORATION, '');
