"""The tree of handler directories: its files, and their routes.

The files as a tree:

    handler_file_names    the names of handler files: the stages and the verbs
    handler_files         reads a file as a handler, an access rule or a template
    handler               one handler
    handler_parameters    the services that a handler takes
    meta_field            the field ``meta`` of a verb
    program_handler       a handler that a program registers
    old_handlers          files of Impress in JavaScript, which are errors
    unused_files          finds files and handlers that are never used
    directory             one directory
    directory_tree        all directories
    tree_builder          builds the tree of a snapshot
    directories_place     loads the tree as the folder ``app``, and creates its routes

The routes of the tree:

    handler_chain         the handlers for one directory and verb
    chain_compiler        compiles these handlers to one function
    chain_action          the action: this function and the response
    chain_end             the exception of ``client.end()``
    action_signature      the parameters of the action
    services              the services of all handlers of a chain
    lazy_services         the services of the stage ``lazy``
    environment           the services of the application that chains use
    directory_routes      the routes of all chains

The handling of a request:

    missing_slash         redirects a page without a slash at the end of its URL
    running_handler       the running handler, for ``client.inherited()``
    handler_timeout       the timeout of one handler
    kept_result           keeps the result for the check of ``returns``
    responding            creates the response from the result
    upgrading             the chains of directories ``.ws``
    error_chains          the handlers ``error`` of files and unknown paths
    error_handlers        calls the nearest handler ``error``
    error_page_files      responds with the page of a directory
    error_targets         decides which errors are sent as pages
"""
