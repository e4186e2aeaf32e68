import { JAVA_MODULES, NATIVE_MODULES, PYTHON_ROOTS } from './in-app-modules.ts'
import type { Platform } from './stack-frame.ts'

/**
 * Which frames are not the application's, as data. `modules` are prefixes of a module, `paths` parts of a
 * file's path, `functions` prefixes of cleaned names. `noise` are frames a runtime puts under any stack
 * (thread bases, event loops) and `builtIn` files that only some engines report: both are dropped even when
 * nothing else is left to group by.
 */
export interface InAppRules {
  modules: readonly string[]
  paths: readonly string[]
  /** Beginnings of a relative path: libraries whose frames come without the folder they are installed in. */
  roots: readonly string[]
  functions: readonly string[]
  noise: readonly string[]
  builtIn: readonly string[]
}

function words(text: string): string[] {
  return text.split(/\s+/u).filter((word) => word !== '')
}

function rules(given: Partial<Record<keyof InAppRules, string>>, isNative = false): InAppRules {
  return {
    modules: words(given.modules ?? ''),
    paths: [...words(given.paths ?? ''), ...(isNative ? [] : VENDOR_PATHS)],
    roots: words(given.roots ?? ''),
    functions: words(given.functions ?? ''),
    noise: words(given.noise ?? ''),
    builtIn: (given.builtIn ?? '').split('|').filter((file) => file !== ''),
  }
}

const VENDOR_PATHS = words(`
  /node_modules/ /site-packages/ /dist-packages/ /vendor/ /gems/ /.cargo/registry/ /pkg/mod/ /deps/ /bower_components/
`)

export const IN_APP_RULES: Readonly<Record<Platform, InAppRules>> = {
  javascript: rules({
    paths: `node: /internal/ -extension:// webpack/runtime webpack/bootstrap webpack/buildin /~/ //cdn. //unpkg.
      .min.js polyfill`,
    noise: `runmicrotasks processticksandrejections module._compile _compile listontimeout processtimers
      executeuserentrypoint`,
    builtIn: '[native code]|native code|<anonymous>|eval code|native',
  }),
  java: rules({
    modules: JAVA_MODULES,
    noise: `java.lang.thread.run java.util.concurrent.threadpoolexecutor.runworker
      java.util.concurrent.threadpoolexecutor$worker.run java.util.concurrent.forkjoinworkerthread.run`,
  }),
  dotnet: rules({
    modules: `System. Microsoft. MS. Mono. UnityEngine. UnityEngineInternal. UnityEditor. Newtonsoft. Npgsql. MySql.
      StackExchange. Grpc. Serilog. NLog. Dapper. MediatR. Autofac. Polly. RestSharp. Castle. FSharp. Xunit. NUnit.
      Hangfire. MassTransit. EntityFramework. MongoDB. RabbitMQ. Quartz. Azure. Amazon. Google.`,
    noise: `microsoft.aspnetcore.hosting.internal.hostingapplication.executeasync
      microsoft.aspnetcore.hosting.hostingapplication.processrequestasync
      system.threading.threadpoolworkqueue.dispatch system.threading.threadhelper.threadstart
      system.threading.thread.startcallback system.threading.tasks.task.execute
      system.threading.portablethreadpool.workerthread.workerthreadstart`,
  }),
  python: rules({
    roots: PYTHON_ROOTS,
    paths:
      '/lib/python /python3 \\lib\\site-packages\\ <frozen <string> <decorator .venv/ /.pyenv/',
    noise: 'run_forever _run_once _bootstrap _bootstrap_inner run_until_complete',
  }),
  ruby: rules({
    paths: '/lib/ruby/ <internal: /bundle/ /rubygems/ /bin/',
    noise: 'spawn_thread <main> <top',
  }),
  php: rules({ paths: 'phar:// /usr/share/php/', noise: '{main}' }),
  go: rules({
    modules: `runtime net/ net/http reflect testing sync syscall os io bufio encoding/ database/sql context time strconv
      crypto/ internal/`,
    paths: '/usr/local/go/src/ /go/src/runtime/ /libexec/src/ /opt/hostedtoolcache/go/',
    noise: `runtime.goexit runtime.main runtime.gopanic runtime.panicmem runtime.sigpanic runtime/debug.stack panic
      runtime.panicindex runtime.gopanicindex`,
  }),
  rust: rules({
    paths:
      '/rustc/ /.rustup/ library/std/ library/core/ library/alloc/ src/libstd/ src/libcore/ /registry/src/',
    functions: `std:: core:: alloc:: <alloc:: <core:: <std:: rust_begin_unwind __rust tokio:: <tokio futures hyper::
      <hyper backtrace:: main _start __libc_start start_thread clone`,
    noise: `main _start __libc_start_main __libc_start_call_main start_thread clone clone3 rust_begin_unwind
      std::rt::lang_start __rust_maybe_catch_panic __rust_try`,
  }),
  elixir: rules({
    paths: `(elixir (stdlib (kernel (phoenix (plug (ecto (db_connection (cowboy (ranch (gen_stage (broadway (oban
      (telemetry (ex_unit (mix (bandit (thousand_island (postgrex (absinthe proc_lib.erl gen_server.erl`,
    noise: ':proc_lib.init_p_do_apply/3 :proc_lib.init_p/5 :gen_server.loop/7',
  }),
  dart: rules({
    paths: 'dart: package:flutter/ package:http/ package:bloc/',
    noise:
      '_rootrun _rootrununary _runzoned _asyncthenwrapperhelper _microtaskloop _startmicrotaskloop',
  }),
  native: rules(
    {
      modules: NATIVE_MODULES,
      paths: ':\\windows\\ /usr/lib/ /system/lib /apex/ /lib/x86_64 /lib64/ /rustc/',
      functions: 'std:: <std:: core:: <core:: alloc:: <alloc:: __pthread sentry:: <sentry',
      noise: `clone clone3 start_thread _pthread_start _pthread_body thread_start start_wqthread _pthread_wqthread
        basethreadinitthunk rtluserthreadstart __libc_start_main _start start`,
    },
    true,
  ),
}
