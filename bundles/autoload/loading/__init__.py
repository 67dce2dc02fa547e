"""Loads the files of a directory into immutable snapshots.

The files on the disk:

    place_names         the folders that have a meaning, and their order
    name_rules          the rules for names of files and folders
    file_names          the name of a file in its namespace, and misspelt ones
    source_file         one file with its content
    scan                reads all files, and rejects unsafe ones
    files_by_name       the file of each name
    tree                all files at one moment
    place               a folder that another bundle loads

The execution of the files:

    load                executes the files, each one after the files that it reads
    load_context        the state that all loads share
    load_thread         the thread of a load, and its timeout
    module_file         one executed file
    sys_modules         the entries in ``sys.modules``
    current_module      one of these entries: the module of the current snapshot
    scope               the snapshot or the load that the running code reads
    name_lookup         finds the value of a name, as views do
    folder_marker       the result for a name that is a namespace
    folder_state        the attributes that code sets on namespaces
    registered_values   the values that files register while they are executed
    hooks               the functions ``start``, ``stop`` and ``migrate``
    started_tasks       tasks of start hooks that the stop hooks did not end

The errors of files:

    file_errors         errors with the line of the file
    problem_lines       adds the lines to errors that are found later
    syntax              syntax errors of files that are not executed
    imports             rejects imports of files
    missing_imports     rejects namespaces that are not imported
    top_level_names     the names that a file defines itself
    long_times          warns of seconds that are probably milliseconds

The result:

    build               the next snapshot, until messages read it
    snapshot            the loaded files
    snapshot_readers    the messages that read one snapshot
    snapshot_use        a base class for objects of bundles that read one
    message_scope       the scope of a message, which reads one
    api_units           the units of ``api`` in a snapshot
    dependencies        the files to execute again after a change
    lost_state          warns of variables whose values a reload loses
"""
