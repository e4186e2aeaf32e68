import { describe, expect, it } from 'vitest'
import { parseStack } from './stack-parse.ts'
import { fingerprintStack } from './stack-fingerprint.ts'
import type { Platform } from './stack-frame.ts'

interface Sample {
  platform: Platform
  stack: string
  type?: string
  culprit: string
  frames: number
}

const SAMPLES: Record<string, Sample> = {
  'V8 with an async frame and a cause': {
    platform: 'javascript',
    type: 'Error',
    frames: 3,
    culprit: 'Db.query (/app/src/db.js)',
    stack: `Error: query failed
    at Db.query (/app/src/db.js:10:11)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)
    at async OrderService.load (file:///app/src/orders.mjs:22:5) {
  [cause]: Error: connect ECONNREFUSED 10.0.0.1:5432
      at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1555:16)`,
  },
  Gecko: {
    platform: 'javascript',
    frames: 3,
    culprit: 'fetchOrders (https://shop.example/assets/index-Bx7Kq2Zp.js)',
    stack: `fetchOrders@https://shop.example/assets/index-Bx7Kq2Zp.js:1:2345
async*load@https://shop.example/assets/index-Bx7Kq2Zp.js:1:99
@https://shop.example/assets/index-Bx7Kq2Zp.js:2:1`,
  },
  Java: {
    platform: 'java',
    type: 'java.lang.IllegalStateException',
    frames: 2,
    culprit: 'main (App.java)',
    stack: `Exception in thread "main" java.lang.IllegalStateException: outer 12
\tat com.acme.App.main(App.java:10)
\tat java.base/java.lang.Thread.run(Thread.java:833)
Caused by: java.sql.SQLException: no
\tat com.acme.Dao.load(Unknown Source)
\t... 1 more`,
  },
  '.NET with the cause inside': {
    platform: 'dotnet',
    type: 'System.AggregateException',
    frames: 2,
    culprit: 'Main(String[] args) (Acme.Program)',
    stack: `System.AggregateException: One or more errors. (x) ---> System.InvalidOperationException: x
   at Acme.Orders.Store.<>c__DisplayClass3_0.<LoadAsync>b__0(Int32 id) in /src/Store.cs:line 10
   --- End of inner exception stack trace ---
   at System.Threading.Tasks.Task.Wait()
   at Acme.Program.Main(String[] args)`,
  },
  'Python with two tracebacks': {
    platform: 'python',
    type: 'app.errors.NotFound',
    frames: 1,
    culprit: 'view (/srv/app/web.py)',
    stack: `Traceback (most recent call last):
  File "/srv/app/db.py", line 10, in load
    x()
KeyError: 'a'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/app/web.py", line 5, in view
    db.load()
app.errors.NotFound: missing 12`,
  },
  'Ruby 3.4': {
    platform: 'ruby',
    type: 'NoMethodError',
    frames: 2,
    culprit: 'Order#total (/app/services/order.rb)',
    stack: `/app/services/order.rb:12:in 'Order#total': undefined method '+' for nil (NoMethodError)
\tfrom /app/controllers/orders_controller.rb:9:in 'block in OrdersController#show'`,
  },
  'PHP, causes first': {
    platform: 'php',
    type: 'RuntimeException',
    frames: 2,
    culprit: 'go (/app/src/C.php)',
    stack: `PHP Fatal error:  Uncaught LogicException: a in /app/src/A.php:3
Stack trace:
#0 /app/src/B.php(9): App\\A->run('x', 3)
#1 {main}

Next RuntimeException: b in /app/src/B.php:4
Stack trace:
#0 /app/src/C.php(1): App\\B::go(Object(App\\X))
#1 {main}`,
  },
  Go: {
    platform: 'go',
    type: 'panic',
    frames: 3,
    culprit: '(*Store).Load.func2.1 (/src/orders/store.go)',
    stack: `panic: boom [recovered]
\tpanic: boom

goroutine 1 [running]:
panic({0x1, 0x2})
\t/usr/local/go/src/runtime/panic.go:884 +0x213
acme/orders.(*Store).Load.func2.1(...)
\t/src/orders/store.go:10
main.main()
\t/src/main.go:3 +0x1
created by net/http.(*Server).Serve in goroutine 1
\t/usr/local/go/src/net/http/server.go:3086 +0x5cb

goroutine 9 [select]:
acme/other.Run()
\t/src/other.go:3 +0x1`,
  },
  Rust: {
    platform: 'rust',
    type: 'panic',
    frames: 3,
    culprit: 'shop::orders::load::{{closure}} (./src/orders.rs)',
    stack: `thread 'main' panicked at src/orders.rs:142:18:
called \`Result::unwrap()\` on an \`Err\` value: Timeout
stack backtrace:
   0: rust_begin_unwind
             at /rustc/9fc6b43126469e3858e2fe86cafb4f0fd5068869/library/std/src/panicking.rs:665:5
   1: shop::orders::load::{{closure}}
             at ./src/orders.rs:142:18
   2: shop::handler::get::h0123456789abcdef
             at ./src/handler.rs:33:9`,
  },
  Elixir: {
    platform: 'elixir',
    type: 'FunctionClauseError',
    frames: 3,
    culprit: 'Shop.Cart.add/2 (lib/shop/cart.ex)',
    stack: `[error] GenServer #PID<0.221.0> terminating
** (FunctionClauseError) no function clause matching in Shop.Cart.add/2
    lib/shop/cart.ex:10: Shop.Cart.add(nil, %{a: 1, b: 2})
    lib/shop/cart.ex:31: anonymous fn/3 in Shop.Cart.merge/2
    (elixir 1.14.5) lib/enum.ex:2468: Enum."-reduce/3-lists^foldl/2-0-"/3`,
  },
  Dart: {
    platform: 'dart',
    type: 'NoSuchMethodError',
    frames: 2,
    culprit: 'ProfilePage.build.<anonymous closure> (package:shop/pages/profile.dart)',
    stack: `Unhandled exception:
NoSuchMethodError: The getter 'name' was called on null.
#0      Object.noSuchMethod (dart:core-patch/object_patch.dart:38:5)
#1      ProfilePage.build.<anonymous closure> (package:shop/pages/profile.dart:42:19)`,
  },
  Apple: {
    platform: 'native',
    frames: 2,
    culprit: 'specialized OrderModel.load(id:) (Shop)',
    stack: `Thread 0 Crashed:
0   Shop                          \t0x0000000104b2a1c4 specialized OrderModel.load(id:) + 212 (OrderModel.swift:42)
1   SwiftUI                       \t0x00000001ab0cafe0 closure #1 in body.getter + 123`,
  },
  gdb: {
    platform: 'native',
    frames: 3,
    culprit: 'acme::Store::load (/build/src/store.cpp)',
    stack: `#0  0x00007f1 in raise () from /lib/x86_64-linux-gnu/libc.so.6
#1  0x000055d in acme::Store::load (this=0x1, id=3) at /build/src/store.cpp:42
#2  main () at /build/src/main.cpp:3`,
  },
}

describe('reading', () => {
  it.each(Object.entries(SAMPLES))('%s', (_, sample) => {
    const parsed = parseStack(sample.stack)
    expect(parsed?.platform).toBe(sample.platform)
    expect(parsed?.exceptions[0]?.type).toBe(sample.type)
    expect(parsed?.exceptions[0]?.frames).toHaveLength(sample.frames)
    expect(parsed && fingerprintStack(parsed)?.culprit).toBe(sample.culprit)
  })

  it('text without frames is no stack', () => {
    expect(parseStack('Something failed at noon: see the log')).toBeUndefined()
    expect(parseStack('')).toBeUndefined()
  })

  it('every cause is read, the outermost first', () => {
    const types = (name: string): (string | undefined)[] | undefined =>
      parseStack(SAMPLES[name]?.stack ?? '')?.exceptions.map(({ type }) => type)
    expect(types('Java')).toEqual(['java.lang.IllegalStateException', 'java.sql.SQLException'])
    expect(types('.NET with the cause inside')).toEqual([
      'System.AggregateException',
      'System.InvalidOperationException',
    ])
    expect(types('Python with two tracebacks')).toEqual(['app.errors.NotFound', 'KeyError'])
    expect(types('PHP, causes first')).toEqual(['RuntimeException', 'LogicException'])
    expect(types('V8 with an async frame and a cause')).toEqual(['Error', 'Error'])
  })
})

const parts = (stack: string): string => {
  const parsed = parseStack(stack)
  return parsed === undefined ? 'none' : (fingerprintStack(parsed)?.parts.join('\n') ?? 'none')
}

const JAVA = `X: a
\tat com.acme.Dao.load(Dao.java:5)
\tat com.acme.Web$$EnhancerBySpringCGLIB$$1a2b3c4d.get(Web.java:9)
\tat com.acme.Web.lambda$get$3(Web.java:1)
\tat org.springframework.web.Servlet.service(Servlet.java:1)`
const NODE = `E: a
    at Object.load (/srv/releases/20240102030405/app/dist/main.9f8e7d6c.js?v=3:1:2)
    at run (/app/node_modules/pg@8.11.3/lib/client.js:5:6)`

describe('what does not change a group', () => {
  it.each([
    ['line numbers', JAVA, JAVA.replaceAll(/:\d+\)/gu, ':77)')],
    ['generated classes', JAVA, JAVA.replace('1a2b3c4d', '99ffaa00').replace('$get$3', '$get$12')],
    ['frameworks further out', JAVA, JAVA.replace('web.Servlet.service', 'web.Filter.doFilter')],
    [
      'recursion',
      JAVA,
      JAVA.replace(
        '\tat com.acme.Dao',
        '\tat com.acme.Dao.load(Dao.java:7)\n'.repeat(5) + '\tat com.acme.Dao',
      ),
    ],
    [
      'mutual recursion',
      JAVA.replace(
        '\tat com.acme.Web$$',
        '\tat com.acme.Dao.next(Dao.java:7)\n\tat com.acme.Web$$',
      ),
      JAVA.replace(
        '\tat com.acme.Web$$',
        '\tat com.acme.Dao.next(D.java:7)\n' +
          '\tat com.acme.Dao.load(D.java:5)\n\tat com.acme.Dao.next(D.java:7)\n'.repeat(4) +
          '\tat com.acme.Web$$',
      ),
    ],
    [
      'deploy roots and bundle hashes',
      NODE,
      NODE.replace('20240102030405', '20250909090909')
        .replace('9f8e7d6c', '0a1b2c3d')
        .replace('?v=3', '?v=9'),
    ],
    ['versions of dependencies', NODE, NODE.replace('8.11.3', '9.0.0')],
    [
      'the dialect of the browser',
      'E: a\n    at Cart.add (https://s.example/a/main.js:1:2)\n    at Array.map (<anonymous>)\n    at new View (https://s.example/a/view.js:3:4)',
      'E: a\nadd@https://s.example/a/main.js:1:2\nmap@[native code]\nView@https://s.example/a/view.js:3:4',
    ],
    [
      'hashes of Rust symbols',
      'stack backtrace:\n   0: acme::load::h0123456789abcdef\n             at src/a.rs:1:1',
      'stack backtrace:\n   0: acme::load::hfedcba9876543210\n             at src/a.rs:9:1',
    ],
    [
      'state machines of .NET',
      '   at Acme.Store.<LoadAsync>d__7.MoveNext() in /src/Store.cs:line 3',
      '   at Acme.Store.<LoadAsync>d__12.MoveNext() in /src/Store.cs:line 9',
    ],
    [
      'closures of PHP 8.4',
      'X: a\n#0 /a/B.php(1): App\\B->{closure:App\\B::go():45}()',
      'X: a\n#0 /a/B.php(7): App\\B->{closure:App\\B::go():151}()',
    ],
    [
      'minified names beside real ones',
      'E: a\n    at o.e (https://s.example/main.js:1:2)\n    at loadCart (https://s.example/main.js:1:9)',
      'E: a\n    at q.b (https://s.example/main.js:1:2)\n    at loadCart (https://s.example/main.js:1:9)',
    ],
    [
      'hashes of bundles without digits',
      'E: a\n    at load (https://s.example/index-BxQkqZZp.js:1:2)',
      'E: a\n    at load (https://s.example/index-CwRtYuIo.js:1:2)',
    ],
    [
      'ERB templates',
      "/a/b.erb:1:in `_app_views_home__123456_7890': x (E)",
      "/a/b.erb:9:in `_app_views_home__987654_4321': x (E)",
    ],
  ])('%s', (_, left, right) => {
    expect(left).not.toBe(right)
    expect(parts(left)).not.toBe('none')
    expect(parts(right)).toBe(parts(left))
  })
})

describe('what does', () => {
  it.each([
    ['the type', JAVA, JAVA.replace('X: a', 'Y: a')],
    ['the function', JAVA, JAVA.replace('Dao.load', 'Dao.save')],
    ['the class', JAVA, JAVA.replace('com.acme.Dao', 'com.acme.Mem')],
    ['the caller of a shared helper', JAVA, JAVA.replaceAll('com.acme.Web', 'com.acme.Job')],
    ['the cause', JAVA, `${JAVA}\nCaused by: Z: b\n\tat com.acme.Net.send(Net.java:1)`],
  ])('%s', (_, left, right) => {
    expect(parts(right)).not.toBe(parts(left))
  })
})
