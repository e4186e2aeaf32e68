/**
 * Words whose meaning to a log line is common knowledge. Nothing here names a product's messages: these
 * are units, names of protocols and formats, parts of dates.
 */

function set(words: string): ReadonlySet<string> {
  return new Set(words.split(/\s+/u).filter((word) => word !== ''))
}

/** Units of a quantity, as they follow a number after a space. */
export const UNITS = set(`
  b byte bytes kb mb gb tb kib mib gib tib b/s kb/s mb/s gb/s
  ns us ms msec msecs s sec secs second seconds min mins minute minutes hr hrs hour hours day days
  nanoseconds microseconds milliseconds millis
`)

/** Names that end in digits and are names all the same. */
export const NAMES_WITH_DIGITS = set(`
  ipv4 ipv6 ip4 ip6 v4 v6 inet4 inet6 socks4 socks5 socks4a utf8 utf16 utf32 md4 md5 sha1 sha2 sha256 sha512 crc32
  base64 base32 x86 x64 x509 win32 win64 wow64 nat64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64
  http2 http3 h2 h264 h265 mp3 mp4 oauth2 log4j log4j2 slf4j s3 ec2 k8s i18n l10n l1 l2 l3 l4 ssh1 ssh2 ssl2 ssl3
  tls1 ext2 ext3 ext4 nfs3 nfs4 nfsv3 nfsv4 smb1 smb2 smb3 ps2 usb2 usb3 rs232 rs485 ieee1394 lz4 bzip2 python2 python3
  db2 neo4j d3 h1 web3 ascii7 latin1 iso8859 iso8601 rfc3339 rfc822 mpeg2 mpeg4 aes128 aes256 rc4 des3
`)

const WEEKDAYS =
  'mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday'
const MONTHS =
  'jan feb mar apr may jun jul aug sep oct nov dec january february march april june july august september october november december'
export const WEEKDAY_NAMES = set(WEEKDAYS)
export const MONTH_NAMES = set(MONTHS)

/** Words that may stand between the parts of a date. */
export const DATE_TAIL = set(
  'am pm utc gmt z est edt cst cdt mst mdt pst pdt cet cest bst ist jst hkt aest',
)

/** Ports so well known that a name before them is a host. */
export const KNOWN_PORTS = set(
  '21 22 25 53 80 110 143 389 443 465 587 636 993 995 1433 1521 2181 2379 3000 3128 3306 3389 5060 5070 5432 5672 6379 6443 8000 8080 8081 8443 8888 9000 9090 9092 9200 11211 27017',
)

/** Words before an address. */
export const BEFORE_ADDRESS = set(
  'to from at on via by with for host server proxy address node peer client connect connecting resolve',
)

/** Words that may follow the name of a user. */
export const AFTER_USER = set('from by on at via with in to has was is')

/** Words after which a name is likely: prepositions, and nouns for what has names. */
export const BEFORE_NAME = set(`
  for from on at by of in with via as user host node server service container job task topic queue table index key named
  name called class module file package app application device interface zone region cluster shard database schema
  backend upstream tenant customer client account group role channel plugin component process thread worker consumer
  producer partition bucket volume disk pod namespace image method function endpoint route resource feature flag
`)

/** Fields whose value says what happened: it is read as text, where the values of other fields vary. */
export const TELLING_KEYS = set('msg message event event_type action error err exception text log')
