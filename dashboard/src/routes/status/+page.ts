/** For a phone on a bad line: HTML and nothing else. */
export const csr = false
