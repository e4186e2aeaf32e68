/**
 * Every bound at the door, in one table; docs show the same one. Characters are UTF-16 code units.
 * `refused` bounds answer 400 with the field's path; `cut` ones keep the event, shorten the text and flag it.
 */
export const LIMITS = {
  /** Refused with 413: bytes of a body, after decompression too. */
  bodyBytesMax: 10 * 1024 * 1024,
  /** Refused: events in one body. */
  batchEventsMax: 10_000,
  /** Refused: names and ids, which identify and so must not be shortened. */
  eventIdCharsMax: 64,
  nameCharsMax: 256,
  /** Cut. */
  messageCharsMax: 16_384,
  stackCharsMax: 65_536,
  stackFramesMax: 256,
  routeCharsMax: 2_048,
  attributeCharsMax: 8_192,
  /** Refused: shape. */
  tagsMax: 64,
  tagCharsMax: 256,
  attributesMax: 256,
  attributeNameCharsMax: 256,
  /** Refused: levels and values inside one nested attribute. */
  nestingDepthMax: 16,
  nestedValuesMax: 1_000,
  /** Older than this when it arrives: flagged `past`. */
  pastMs: 60 * 60 * 1000,
  /** Ahead of our clock by more than this: flagged `future`. */
  futureMs: 5 * 60 * 1000,
  /** Flags kept per event; further ones are folded into `more`. */
  flagsMax: 16,
} as const
