export type Sign = '>' | '>=' | '<' | '<=' | '=' | '!='

/** How a value has to stand to a bound: of claims and of detectors. */
export function compares(value: number, sign: Sign, bound: number): boolean {
  switch (sign) {
    case '>':
      return value > bound
    case '>=':
      return value >= bound
    case '<':
      return value < bound
    case '<=':
      return value <= bound
    case '=':
      return value === bound
    case '!=':
      return value !== bound
  }
}
