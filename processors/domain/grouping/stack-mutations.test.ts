import { describe, expect, it } from 'vitest'
import { createGrouper } from './fingerprint.ts'

const groupOf = (stack: string): string =>
  createGrouper().group({ environment: 'prod', stack, message: 'm' }).fingerprint

const methodOf = (stack: string): string =>
  createGrouper().group({ environment: 'prod', stack, message: 'm' }).method

/** One stack for each way of writing one; all made up. */
const BASES: Readonly<Record<string, string>> = {
  chrome: `TypeError: Cannot read properties of undefined (reading 'total')
    at applyCoupon (https://shop.test/assets/cart.4be1f09a.js:2:3104)
    at CartView.refresh (https://shop.test/assets/cart.4be1f09a.js:2:4471)
    at async loadPage (https://shop.test/assets/main.77aa01fe.js:1:918)
    at async https://shop.test/assets/main.77aa01fe.js:1:1200`,
  node: `RangeError: stock below zero
    at reserve (/srv/shop/releases/20240301101112/dist/stock.js:41:11)
    at Order.place (/srv/shop/releases/20240301101112/dist/order.js:88:19)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)
    at async handler (/srv/shop/releases/20240301101112/node_modules/fastify@4.1.0/lib/handle.js:10:5)`,
  hermes: `TypeError: undefined is not a function
    at pickSeat (address at index.android.bundle:1:48210)
    at onPress (address at index.android.bundle:1:51933)
    at anonymous (address at index.android.bundle:1:7001)`,
  python: `Traceback (most recent call last):
  File "/srv/app/venv/lib/python3.11/site-packages/flask/app.py", line 1484, in full_dispatch_request
    rv = self.dispatch_request()
  File "/srv/app/billing/views.py", line 31, in charge
    total = compute(order)
  File "/srv/app/billing/totals.py", line 77, in compute
    return sum(order.lines)
TypeError: unsupported operand type(s)`,
  pythonChain: `Traceback (most recent call last):
  File "/srv/app/store/db.py", line 12, in fetch
    return rows[key]
KeyError: 'k17'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/app/store/api.py", line 40, in show
    item = fetch(key)
store.errors.Missing: no item k17`,
  exceptionGroup: `  + Exception Group Traceback (most recent call last):
  |   File "/srv/app/jobs/run.py", line 18, in main
  |     await gather_all()
  | ExceptionGroup: two failed (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/srv/app/jobs/fetch.py", line 9, in pull
    |     raise TimeoutError(url)
    | TimeoutError: u
    +---------------- 2 ----------------
    | Traceback (most recent call last):
    |   File "/srv/app/jobs/parse.py", line 22, in read
    |     raise ValueError(text)
    | ValueError: t
    +------------------------------------`,
  java: `java.lang.IllegalStateException: cart is closed
\tat com.shop.cart.CartService.add(CartService.java:88)
\tat com.shop.cart.CartService$$SpringCGLIB$$0.add(<generated>)
\tat com.shop.web.CartController.lambda$post$2(CartController.java:41)
\tat java.base/java.util.stream.ReferencePipeline$3$1.accept(ReferencePipeline.java:197)
\tat org.springframework.web.servlet.FrameworkServlet.service(FrameworkServlet.java:885)
\tSuppressed: java.io.IOException: stream closed
\t\tat com.shop.io.Spool.close(Spool.java:12)
Caused by: java.sql.SQLTransientException: gone
\tat com.shop.db.Pool.take(Pool.java:31)
\t... 6 more`,
  kotlin: `kotlin.KotlinNullPointerException: null
\tat com.shop.app.ui.BasketFragment$load$1.invokeSuspend(BasketFragment.kt:52)
\tat kotlin.coroutines.jvm.internal.BaseContinuationImpl.resumeWith(ContinuationImpl.kt:33)
\tat kotlinx.coroutines.DispatchedTask.run(DispatchedTask.kt:106)
\tat com.shop.app.ui.BasketFragment.access$render(BasketFragment.kt:20)`,
  ruby: `/srv/shop/releases/20240301101112/app/models/order.rb:12:in 'Order#total': undefined method '+' for nil (NoMethodError)
\tfrom /srv/shop/releases/20240301101112/app/models/order.rb:31:in 'block in Order#close'
\tfrom /usr/lib/ruby/gems/3.3.0/gems/activerecord-7.1.2/lib/active_record/transactions.rb:100:in 'transaction'
\tfrom /srv/shop/releases/20240301101112/app/controllers/orders_controller.rb:9:in 'OrdersController#close'`,
  php: `PHP Fatal error:  Uncaught App\\Errors\\OutOfStock: none left in /var/www/releases/41/src/Stock.php:19
Stack trace:
#0 /var/www/releases/41/src/Order.php(40): App\\Stock->take('a', 3)
#1 /var/www/releases/41/vendor/laravel/framework/src/Pipeline.php(180): App\\Order->{closure:App\\Order::place():38}(Object(App\\Request))
#2 /var/www/releases/41/public/index.php(12): App\\Kernel->handle()
#3 {main}
  thrown in /var/www/releases/41/src/Stock.php on line 19`,
  dotnet: `System.InvalidOperationException: Sequence contains no elements
   at Shop.Orders.OrderBook.<FindAsync>d__14.MoveNext() in /src/Orders/OrderBook.cs:line 51
--- End of stack trace from previous location ---
   at System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw()
   at Shop.Web.OrdersController.<>c__DisplayClass3_0.<<Get>b__0>d.MoveNext() in /src/Web/OrdersController.cs:line 22
   at Microsoft.AspNetCore.Mvc.Infrastructure.ActionMethodExecutor.Execute()`,
  go: `panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x6d2a31]

goroutine 34 [running]:
example.test/shop/cart.(*Cart).Add(0xc00012a000, {0xc0000b2040, 0x4})
\t/build/7f3a/shop/cart/cart.go:57 +0x31
example.test/shop/web.(*Server).post.func1({0x8d1f40, 0xc0001c2000})
\t/build/7f3a/shop/web/server.go:102 +0x1c5
net/http.HandlerFunc.ServeHTTP(0xc00009c1e0, {0x8d1f40, 0xc0001c2000})
\t/usr/local/go/src/net/http/server.go:2136 +0x29
created by net/http.(*Server).Serve in goroutine 1
\t/usr/local/go/src/net/http/server.go:3086 +0x5cb`,
  rust: `thread 'worker-3' panicked at src/ledger.rs:88:14:
called \`Option::unwrap()\` on a \`None\` value
stack backtrace:
   0: rust_begin_unwind
             at /rustc/90b35a6239c3d8bdabc530a6a0816f7ff89a0aaf/library/std/src/panicking.rs:597:5
   1: core::panicking::panic_fmt
             at /rustc/90b35a6239c3d8bdabc530a6a0816f7ff89a0aaf/library/core/src/panicking.rs:72:14
   2: shop::ledger::post::h0f1e2d3c4b5a6978
             at ./src/ledger.rs:88:14
   3: shop::jobs::run::{{closure}}
             at ./src/jobs.rs:31:9`,
  elixir: `** (KeyError) key :total not found in: %{id: 7}
    (shop 0.3.1) lib/shop/cart.ex:40: Shop.Cart.total/1
    (shop 0.3.1) lib/shop_web/live/cart_live.ex:18: anonymous fn/2 in ShopWeb.CartLive.render/1
    (phoenix_live_view 0.20.1) lib/phoenix_live_view/channel.ex:280: Phoenix.LiveView.Channel.handle/2`,
  gdb: `#0  0x00007f3aa1c2e9fc in raise () from /lib/x86_64-linux-gnu/libc.so.6
#1  0x000055d0c01f22a1 in shop::Ledger::post (this=0x55d0c1a2e0, id=42) at /build/src/ledger.cpp:88
#2  0x000055d0c01f3010 in shop::run (argc=2) at /build/src/main.cpp:12`,
  android: `*** *** *** *** *** *** ***
signal 11 (SIGSEGV), code 1 (SEGV_MAPERR), fault addr 0x0
backtrace:
      #00 pc 000000000004a1b0  /data/app/com.shop-1/lib/arm64/libshop.so (Ledger::post(int)+44)
      #01 pc 000000000004b2c4  /data/app/com.shop-1/lib/arm64/libshop.so (Java_com_shop_Native_post+20)
      #02 pc 00000000000d5f00  /apex/com.android.runtime/lib64/libart.so (art_quick_generic_jni_trampoline+144)`,
  apple: `Thread 0 Crashed:
0   Shop                          \t0x0000000104b2a1c4 CartModel.add(_:) + 212 (CartModel.swift:42)
1   Shop                          \t0x0000000104b2b0f8 closure #1 in CartView.body.getter + 80
2   SwiftUI                       \t0x00000001ab0cafe0 0x1aaf00000 + 1879008`,
  flutter: `RangeError (index): Invalid value: Not in inclusive range 0..2: 3
#0      List.[] (dart:core-patch/growable_array.dart:264:36)
#1      CartPage.build.<anonymous closure> (package:shop/pages/cart.dart:42:19)
#2      StatelessElement.build (package:flutter/src/widgets/framework.dart:5550:22)`,
}

/** What must not change a group, wherever it applies. */
const MUTATIONS: Readonly<Record<string, (stack: string) => string>> = {
  'line numbers': (stack) =>
    stack
      .replaceAll(/(\.(?:js|kt|java|rb|go|rs|ex|dart|cpp|swift|bundle)[:)]):?(\d+)/gu, '$1$2')
      .replaceAll(
        /:(\d+):(\d+)/gu,
        (_, line: string, column: string) => `:${Number(line) + 3}:${Number(column) + 5}`,
      )
      .replaceAll(/line (\d+)/gu, (_, line: string) => `line ${Number(line) + 4}`)
      .replaceAll(
        /\((\w+\.(?:java|kt|swift)):(\d+)\)/gu,
        (_, file: string, line: string) => `(${file}:${Number(line) + 4})`,
      )
      .replaceAll(
        /(\.(?:php))\((\d+)\)/gu,
        (_, file: string, line: string) => `${file}(${Number(line) + 2})`,
      )
      .replaceAll(
        /(\.(?:rb|go|ex|cpp)):(\d+)/gu,
        (_, file: string, line: string) => `${file}:${Number(line) + 2}`,
      ),
  'deploy roots': (stack) =>
    stack
      .replaceAll('20240301101112', '20250709080706')
      .replaceAll('/releases/41/', '/releases/42/')
      .replaceAll('/srv/app/', '/opt/deploy/blue/app/')
      .replaceAll('/build/7f3a/', '/tmp/go-build99/')
      .replaceAll('/build/src/', '/opt/ci/checkout/src/')
      .replaceAll('/src/Orders', 'D:\\a\\1\\s\\Orders')
      .replaceAll('com.shop-1', 'com.shop-Xy12Qw=='),
  'bundle hashes and versions': (stack) =>
    stack
      .replaceAll('4be1f09a', '90fe77bc')
      .replaceAll('77aa01fe', '0c0ffee1')
      .replaceAll('fastify@4.1.0', 'fastify@5.0.2')
      .replaceAll('activerecord-7.1.2', 'activerecord-8.0.0')
      .replaceAll('python3.11', 'python3.13')
      .replaceAll('shop 0.3.1', 'shop 0.4.0')
      .replaceAll('live_view 0.20.1', 'live_view 1.0.0'),
  'addresses and generated names': (stack) =>
    stack
      .replaceAll(/0x[0-9a-f]{6,}/gu, (address) => `${address.slice(0, -3)}abc`)
      .replaceAll('h0f1e2d3c4b5a6978', 'habcdefabcdef0123')
      .replaceAll(
        '90b35a6239c3d8bdabc530a6a0816f7ff89a0aaf',
        '07dca489ac2d933c78d3c5158e3f43beefeb02ce',
      )
      .replaceAll('SpringCGLIB$$0', 'SpringCGLIB$$2')
      .replaceAll('lambda$post$2', 'lambda$post$9')
      .replaceAll('d__14', 'd__21')
      .replaceAll('DisplayClass3_0', 'DisplayClass8_1')
      .replaceAll('place():38', 'place():77')
      .replaceAll('pc 00000000000', 'pc 00000000001')
      .replaceAll('goroutine 34', 'goroutine 7011')
      .replaceAll('func1(', 'func2('),
  'what the message says': (stack) =>
    stack
      .replace('none left', 'only 2 left of "a b"')
      .replace('cart is closed', 'cart 77 is closed')
      .replace("(reading 'total')", "(reading 'sum')")
      .replace('%{id: 7}', '%{id: 99, a: 1}')
      .replaceAll('k17', 'k99'),
  'the end of lines': (stack) => stack.replaceAll('\n', '\r\n'),
  'recursion of the place it was thrown': (stack) => {
    const frames = /^(?:\s*at |\s*File "|\tfrom |#0|.*\.go:\d).*$/mu.exec(stack)
    // Only where a frame is one line that can stand twice.
    if (frames === null || !/^\s*at \S/u.test(frames[0]) || !/[@(]\S*:\d+:\d+\)$/u.test(frames[0]))
      return stack
    return stack.replace(frames[0], `${frames[0]}\n`.repeat(6).trimEnd())
  },
}

describe('a stack keeps its group', () => {
  for (const [name, mutate] of Object.entries(MUTATIONS)) {
    const changed = Object.entries(BASES).filter(([, stack]) => mutate(stack) !== stack)
    it.each(changed)(`[C2] whatever ${name} are, %s`, (_, stack) => {
      expect(methodOf(stack)).toBe('stack')
      expect(groupOf(mutate(stack))).toBe(groupOf(stack))
    })
  }

  it.each([
    [
      'Gecko',
      `applyCoupon@https://shop.test/assets/cart.4be1f09a.js:2:3104
refresh@https://shop.test/assets/cart.4be1f09a.js:2:4471
async*loadPage@https://shop.test/assets/main.77aa01fe.js:1:918
@https://shop.test/assets/main.77aa01fe.js:1:1200`,
    ],
    [
      'WebKit',
      `applyCoupon@https://shop.test/assets/cart.4be1f09a.js:2:3110
refresh@https://shop.test/assets/cart.4be1f09a.js:2:4480
loadPage@https://shop.test/assets/main.77aa01fe.js:1:920
https://shop.test/assets/main.77aa01fe.js:1:1201`,
    ],
    [
      'old Edge',
      `TypeError: Unable to get property 'total' of undefined
   at applyCoupon (https://shop.test/assets/cart.4be1f09a.js:2:3104)
   at CartView.prototype.refresh (https://shop.test/assets/cart.4be1f09a.js:2:4471)
   at loadPage (https://shop.test/assets/main.77aa01fe.js:1:918)
   at Anonymous function (https://shop.test/assets/main.77aa01fe.js:1:1200)`,
    ],
  ])('[C2] in the words of %s, when the type is sent beside it', (_, stack) => {
    const of = (text: string): string =>
      createGrouper().group({ environment: 'prod', error_type: 'TypeError', stack: text })
        .fingerprint
    expect(of(stack)).toBe(of(BASES['chrome'] ?? ''))
  })
})

/** What is another bug, although most lines are the same. */
const OTHERS: Readonly<Record<string, [from: string, to: string][]>> = {
  chrome: [
    ['applyCoupon', 'applyGift'],
    ['CartView.refresh', 'CartView.submit'],
    ['TypeError', 'RangeError'],
  ],
  node: [['reserve', 'release']],
  hermes: [['pickSeat', 'dropSeat']],
  python: [
    ['in compute', 'in refund'],
    ['TypeError', 'ValueError'],
  ],
  pythonChain: [
    ['KeyError', 'IndexError'],
    ['in show', 'in list'],
  ],
  exceptionGroup: [['in pull', 'in push']],
  java: [
    ['CartService.add', 'CartService.drop'],
    ['SQLTransientException', 'SQLTimeoutException'],
    ['Pool.take', 'Pool.give'],
  ],
  kotlin: [['BasketFragment$load', 'BasketFragment$save']],
  ruby: [['Order#total', 'Order#weight']],
  php: [['App\\Stock->take', 'App\\Stock->give']],
  dotnet: [['FindAsync', 'DropAsync']],
  go: [['(*Cart).Add', '(*Cart).Drop']],
  rust: [['ledger::post', 'ledger::draw']],
  elixir: [['Cart.total/1', 'Cart.weight/1']],
  gdb: [['Ledger::post', 'Ledger::draw']],
  android: [['Ledger::post', 'Ledger::draw']],
  apple: [['CartModel.add', 'CartModel.drop']],
  flutter: [['CartPage.build', 'CartPage.tap']],
}

describe('another bug has another group', () => {
  it.each(Object.entries(OTHERS).flatMap(([name, all]) => all.map((one) => [name, ...one])))(
    '[C2] %s: %s is not %s',
    (name, from, to) => {
      const stack = BASES[name] ?? ''
      const other = stack.replaceAll(from, to)
      expect(other).not.toBe(stack)
      expect(groupOf(other)).not.toBe(groupOf(stack))
    },
  )

  it('[C2] two bugs that share a helper line stay apart, in every language of one line a frame', () => {
    for (const [name, helper] of [
      ['chrome', '    at assertOk (https://shop.test/assets/util.11223344.js:1:10)'],
      ['node', '    at assertOk (/srv/shop/releases/20240301101112/dist/util.js:3:9)'],
      ['java', '\tat com.shop.util.Check.ok(Check.java:3)'],
    ] as const) {
      const stack = BASES[name] ?? ''
      const [head = '', ...frames] = stack.split('\n')
      const one = [head, helper, ...frames].join('\n')
      const two = [head, helper, ...frames.slice(2)].join('\n')
      expect(groupOf(one)).not.toBe(groupOf(two))
    }
  })
})
