from koopnb.cli import main

raise SystemExit(main())
